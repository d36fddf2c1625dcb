#!/usr/bin/python3
"""Unix sockets that meet over the border: each case is a server and a client, two processes that say what they see. They run on the kernel both,
then each in its turn inside a network, then in two networks; it has to look the same to both.

usage: tests/cli/outside.py SOCKLAND [CASE…]
"""
import array
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile

STREAM, PACKET, DGRAM = socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM


def say(*words):
    print(*words, flush=True)


# The two wait for each other at these, once at each: whoever opens one end sleeps until the other is open.
GOES = "go", "again", "more"
FIFOS = ("ready",) + GOES


def signal(name): os.close(os.open(name, os.O_WRONLY))
def wait(name): os.close(os.open(name, os.O_RDONLY))


def tried(f, *args):
    try:
        return f(*args)
    except OSError as e:
        return os.strerror(e.errno)


def listening(type=STREAM, name="path", backlog=5):
    s = socket.socket(socket.AF_UNIX, type)
    s.bind(name)
    s.listen(backlog)
    return s


def connected(type=STREAM, name="path"):
    s = socket.socket(socket.AF_UNIX, type)
    s.connect(name)
    return s


def pipe_with(text):
    r, w = os.pipe()
    os.write(w, text)
    os.close(w)
    return r


def send_pipe(s, text, *to):
    r = pipe_with(text)
    s.sendmsg([b"a pipe"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r]))], 0, *to)
    os.close(r)


def credentials(data, pid):
    p, u, g = struct.unpack("3i", data)
    return p == pid, u == os.getuid(), g == os.getgid()


def recv_all(s, pid=None):
    """What came, and what came beside it."""
    data, control, flags, name = s.recvmsg(100, 1000)
    beside = []
    for level, type, value in control:
        if type == socket.SCM_RIGHTS:
            for fd in array.array("i", value):
                beside.append(os.read(fd, 100))
                os.close(fd)
        elif type == socket.SCM_CREDENTIALS:
            beside.append(credentials(value, pid) if pid is not None else "credentials")
    return data, beside, flags & ~socket.MSG_CMSG_CLOEXEC, name


def peer_pid(s):
    return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


# ---- connections ----

def talk_server(type):
    l = listening(type)
    signal("ready")
    a, b = socket.socketpair()
    lowest = a.fileno()
    a.close()
    b.close()
    c, peer = l.accept()
    say("number", c.fileno() - lowest)
    say("accepted", repr(peer), repr(c.getsockname()), repr(c.getpeername()), c.type == type, os.get_inheritable(c.fileno()))
    pid = int(c.recv(100))
    say("peer is who it says", pid == peer_pid(c))
    c.send(str(os.getpid()).encode())
    say(recv_all(c))
    send_pipe(c, b"from the server")
    say(recv_all(c))
    c.shutdown(socket.SHUT_WR)
    say(c.recv(10), tried(c.send, b"x"))


def talk_client(type):
    wait("ready")
    c = connected(type)
    say("connected", repr(c.getsockname()), repr(c.getpeername()), c.getblocking())
    c.send(str(os.getpid()).encode())
    say("peer is who it says", int(c.recv(100)) == peer_pid(c))
    send_pipe(c, b"from the client")
    say(recv_all(c))
    c.send(b"last")
    say(c.recv(10))


def bound_server(type):
    l = listening(type)
    signal("ready")
    c, peer = l.accept()
    say(repr(peer), repr(c.getpeername()), c.recv(10))
    wait("go")
    connected(type, "other").send(b"back")


def bound_client(type):
    wait("ready")
    c = socket.socket(socket.AF_UNIX, type)
    os.umask(0o026)
    c.bind("client")
    say(oct(os.stat("client").st_mode))
    c.connect("path")
    say(repr(c.getsockname()))
    c.send(b"hello")
    other = listening(type, "other")
    say(tried(c.connect, "path"), tried(other.connect, "path"))
    signal("go")
    say(other.accept()[0].recv(10))
    say(c.recv(10))


def polling_server():
    l = listening()
    l.setblocking(False)
    ep = select.epoll()
    ep.register(l, select.EPOLLIN)
    say(tried(l.accept))
    signal("ready")
    say([e for _, e in ep.poll(20)])
    say(select.select([l], [], [], 0)[0] == [l])
    c, _ = l.accept()
    say(tried(l.accept), ep.poll(0), c.getblocking())
    ep.register(c, select.EPOLLIN | select.EPOLLRDHUP)
    say([(fd == c.fileno(), e) for fd, e in ep.poll(20)])
    say(c.recv(10))
    c.send(b"back")
    say([(fd == c.fileno(), e) for fd, e in ep.poll(20)])


def polling_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX)
    c.setblocking(False)
    other = os.dup(c.fileno())
    ep = select.epoll()
    ep.register(c, select.EPOLLIN)
    ep.modify(c, select.EPOLLIN | select.EPOLLET)
    say([e for _, e in ep.poll(0)])
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20000)
    say(c.connect_ex("path"), c.getblocking(), os.get_inheritable(c.fileno()), c.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
    say(ep.poll(0), tried(c.recv, 10))
    os.write(other, b"by both")
    say([e for _, e in ep.poll(20)], c.recv(10), ep.poll(0))
    ep.modify(c, select.EPOLLOUT)
    say([e for _, e in ep.poll(0)])
    ep.unregister(c)


def full_server():
    l = listening(backlog=2)
    signal("ready")
    wait("go")
    for _ in range(3): say(l.accept()[0].recv(10))
    say(l.accept()[0].recv(10))


def full_client():
    wait("ready")
    held = []
    while True:
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        err = c.connect_ex("path")
        if err: break
        c.send(b"%d" % len(held))
        held.append(c)
    say(len(held), os.strerror(err))
    c.setblocking(True)
    c.settimeout(None)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50000))
    say(os.strerror(c.connect_ex("path")))
    c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 0))
    signal("go")
    c.connect("path")
    c.send(b"late")


def stale_server():
    l = listening()
    l.close()
    say(tried(socket.socket(socket.AF_UNIX).bind, "path"))
    os.unlink("path")
    s = socket.socket(socket.AF_UNIX)
    s.bind("path")
    socket.socket(socket.AF_UNIX).bind("closed")
    shut = listening(name="shut")
    shut.shutdown(socket.SHUT_RDWR)
    signal("ready")
    wait("go")
    s.listen()
    signal("again")
    say(s.accept()[0].recv(10))


def stale_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX)
    for name in "path", "closed", "shut", "nowhere", ".": say(name, tried(c.connect, name))
    say(tried(socket.socket(socket.AF_UNIX, PACKET).connect, "path"), tried(socket.socket(socket.AF_UNIX, DGRAM).connect, "path"))
    signal("go")
    wait("again")
    c.connect("path")
    say(tried(c.connect, "path"), tried(c.connect, "closed"), tried(c.bind, "mine"))
    c.send(b"after all")


def forks_server():
    l = listening()
    signal("ready")
    for i in range(4):
        if os.fork() == 0:
            c, _ = l.accept()
            c.send(c.recv(10))
            os._exit(0)
    for i in range(4): os.wait()
    l.setblocking(False)
    say(tried(l.accept))


def forks_client():
    wait("ready")
    held = [connected() for _ in range(4)]
    for i, c in enumerate(held): c.send(b"%d" % i)
    for c in held: say(c.recv(10))


def passcred_server():
    l = listening()
    l.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    signal("ready")
    c, peer = l.accept()
    say(c.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED), recv_all(c, peer_pid(c)))


def passcred_client():
    wait("ready")
    connected().send(b"who am I")


def threads_server():
    """Those who wait in accept, and those of the net who come with those from outside."""
    l = listening(backlog=50)
    l.settimeout(20)
    signal("ready")
    pid = os.fork()
    if pid == 0:
        held = [connected() for _ in range(20)]
        for c in held: c.send(b"own")
        for c in held: c.recv(10)
        os._exit(0)
    seen = {b"own": 0, b"other": 0}
    held = []
    for _ in range(40):
        c = l.accept()[0]
        seen[c.recv(10)] += 1
        held.append(c)
    for c in held: c.send(b"done")
    os.waitpid(pid, 0)
    say(seen)


def threads_client():
    wait("ready")
    held = [connected() for _ in range(20)]
    for c in held: c.send(b"other")
    for c in held: say(c.recv(10))


# ---- datagrams ----

def bound(name):
    s = socket.socket(socket.AF_UNIX, DGRAM)
    s.bind(name)
    return s


def dgram_server():
    s = bound("path")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    say(tried(s.recv, 10, socket.MSG_DONTWAIT))
    signal("ready")
    pid = int(s.recv(100))
    for _ in range(5): say(recv_all(s, pid))
    data, _, _, name = s.recvmsg(10)
    say(data, name, s.sendto(b"an answer", name))
    say(s.recv(5), len(s.recv(300000)), s.recv(100))
    say(tried(s.sendto, b"to nobody", "nowhere"))
    c = socket.socket(socket.AF_UNIX, DGRAM)
    send_pipe(c, b"a pipe's", "client")
    c.connect("client")
    say(repr(c.getpeername()), c.send(b"connected"))
    s.connect("client")
    say(repr(s.getsockname()), s.send(b"by name"))
    say(s.recv(100))


def dgram_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX, DGRAM)
    c.sendto(b"%d" % os.getpid(), "path")
    c.sendto(b"", "path")
    c.connect("path")
    c.send(b"x" * 150)
    send_pipe(c, b"through a pipe")
    c = socket.socket(socket.AF_UNIX, DGRAM)
    say(c.sendmsg([b"one", b"two"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("3i", os.getpid(), os.getuid(), os.getgid()))], 0, "path"))
    send_pipe(c, b"another", "path")
    c = bound("client")
    say(c.sendto(b"who are you", "path"), c.recvfrom(100))
    say(c.sendto(b"cut short", "path"), c.sendto(b"y" * 200000, "path"), tried(c.sendto, b"z" * 300000, "path"))
    c.sendto(b"after", "path")
    for _ in range(3): say(recv_all(c))
    c.connect("path")
    say(c.send(b"to one"))


def dgram_full_server():
    s = bound("path")
    shut = bound("shut")
    shut.shutdown(socket.SHUT_RD)
    signal("ready")
    wait("go")
    s.setblocking(False)
    seen = []
    while len(seen) < 200:
        select.select([s], [], [], 20)
        try:
            while True: seen.append(int(s.recv(100)))
        except BlockingIOError:
            pass
    say(seen == list(range(200)))
    signal("again")
    signal("more")
    s.setblocking(True)
    say(s.recv(10))


def dgram_full_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX, DGRAM)
    n = 0
    c.setblocking(False)
    while tried(c.sendto, b"%d" % n, "path") != os.strerror(11): n += 1
    say(n >= 10, n < 50)
    signal("go")
    c.setblocking(True)
    for i in range(n, 200): c.sendto(b"%d" % i, "path")
    say(tried(c.sendto, b"x", "shut"), tried(c.connect, "shut"))
    wait("again")
    c.connect("path")
    wait("more")
    c.send(b"last")


def dgram_peers_server():
    """One that has a peer hears nobody else."""
    s = bound("path")
    friend = bound("friend")
    friend.connect("path")
    s.connect("friend")
    signal("ready")
    wait("go")
    friend.send(b"from a friend")
    say(s.recv(100), tried(s.recv, 10, socket.MSG_DONTWAIT))


def dgram_peers_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX, DGRAM)
    c.setblocking(False)
    tried(c.sendto, b"from a stranger", "path")
    signal("go")


def dgram_poll_server():
    s = bound("path")
    ep = select.epoll()
    ep.register(s, select.EPOLLIN | select.EPOLLET)
    signal("ready")
    for name in GOES:
        say([e for _, e in ep.poll(20)])
        say(s.recvfrom(100))
        signal(name)


def dgram_poll_client():
    wait("ready")
    c = socket.socket(socket.AF_UNIX, DGRAM)
    for name in GOES:
        c.sendto(name.encode(), "path")
        wait(name)


CASES = {
    "stream": (lambda: talk_server(STREAM), lambda: talk_client(STREAM)),
    "seqpacket": (lambda: talk_server(PACKET), lambda: talk_client(PACKET)),
    "bound": (lambda: bound_server(STREAM), lambda: bound_client(STREAM)),
    "bound-seqpacket": (lambda: bound_server(PACKET), lambda: bound_client(PACKET)),
    "polling": (polling_server, polling_client),
    "full": (full_server, full_client),
    "stale": (stale_server, stale_client),
    "forks": (forks_server, forks_client),
    "passcred": (passcred_server, passcred_client),
    "both": (threads_server, threads_client),
    "dgram": (dgram_server, dgram_client),
    "dgram-full": (dgram_full_server, dgram_full_client),
    "dgram-peers": (dgram_peers_server, dgram_peers_client),
    "dgram-poll": (dgram_poll_server, dgram_poll_client),
}


def play(case, prefixes):
    """What the server and the client of a case said."""
    with tempfile.TemporaryDirectory() as work:
        for name in FIFOS: os.mkfifo(os.path.join(work, name))
        both = [subprocess.Popen(prefix + [sys.executable, os.path.abspath(__file__), "--role", case, str(role)], cwd=work, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for role, prefix in enumerate(prefixes)]
        said = []
        for p in both:
            try:
                said.append(p.communicate(timeout=60)[0].splitlines())
                if p.returncode != 0: said[-1].append("… and ended with %d" % p.returncode)
            except subprocess.TimeoutExpired:
                for each in both: each.kill()
                said.append(p.communicate()[0].splitlines() + ["… and said nothing more for a minute"])
        return said


def judge(name, want, got):
    for role, w, g in zip(("server", "client"), want, got):
        if w == g and not (w and w[-1].startswith("…")): continue
        line = next((i for i, (a, b) in enumerate(zip(w, g)) if a != b), min(len(w), len(g)) - (w == g))      # or neither came to its end
        print("not ok cli/outside-%s: the %s's line %d: wanted %s, got %s" % (name, role, line + 1, (w + [""])[line], (g + [""])[line]))
        return
    print("ok cli/outside-" + name)


def main():
    if sys.argv[1] == "--role":
        CASES[sys.argv[2]][int(sys.argv[3])]()
        return
    inside = [sys.argv[1], "run", "--"]
    for case in sys.argv[2:] or CASES:
        want = play(case, [[], []])
        for name, prefixes in (("in", [inside, []]), ("out", [[], inside]), ("nets", [inside, inside])):
            judge("%s-%s" % (case, name), want, play(case, prefixes))


main()
