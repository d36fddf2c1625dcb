"""What programs see of `sockland fault`: on h1 of single,2, with another process on h2. faults.py SOCKLAND [peer | chance]"""
import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time

S = sys.argv[1]


def sockland(*words):
    return subprocess.run([S, *words], check=True, capture_output=True, text=True).stdout


def fault(*words):
    sockland("fault", *words)


def heal():
    sockland("fault", "--heal")


def shown():
    return json.loads(sockland("show", "--json", "faults"))


def is_(name, want, got):
    print(f"ok cli/fault-{name}" if want == got else f"not ok cli/fault-{name}: wanted {want!r}, got {got!r}", flush=True)


def error(call, *args):
    """The name of the call's errno, or what it answers."""
    try:
        r = call(*args)
        if isinstance(r, socket.socket):
            r.close()
        return r
    except OSError as e:
        return errno.errorcode[e.errno]


def tcp():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def read_all(s):
    """Octets until the end, and what that was."""
    n = 0
    while True:
        try:
            data = s.recv(10000)
        except OSError as e:
            return n, errno.errorcode[e.errno]
        if not data:
            return n, "end"
        n += len(data)


def peer():
    """Tells of each connection how much came, and how it ended."""
    listener = socket.create_server(("0.0.0.0", 7000))
    print("ready", flush=True)
    while True:
        s, _ = listener.accept()
        n, end = read_all(s)
        s.close()
        print(n, end, flush=True)


def pair(listener):
    a = tcp()
    a.connect(listener.getsockname())
    b, _ = listener.accept()
    return a, b


def send_until_error(s, piece):
    n = 0
    while True:
        try:
            n += s.send(b"x" * piece)
        except OSError as e:
            return n, errno.errorcode[e.errno]


def direct(a):
    """Do the two go past the stack?"""
    port = a.getsockname()[1]
    for _ in range(200):
        if any(c.get("direct") for c in json.loads(sockland("show", "--json", "conns")) if c["local"].endswith(f":{port}")):
            return True
        time.sleep(0.01)
    return False


def calls(listener):
    at = listener.getsockname()
    fault("h1", "connect", "errno", "ECONNREFUSED", "first", "2")
    is_("first", ["ECONNREFUSED", "ECONNREFUSED", None], [error(tcp().connect, at) for _ in range(3)])
    is_("shown", [("h1", "connect errno ECONNREFUSED first 2", 3, 2)], [(f["host"], f["fault"], f["calls"], f["struck"]) for f in shown()])
    heal()
    is_("healed", [], shown())
    fault("h1:curl", "all", "errno", "EIO")
    fault("h2", "all", "errno", "EIO")
    is_("of-another", None, error(tcp().connect, at))
    heal()
    fault("h1:python3", "socket", "errno", "EMFILE", "every", "2")
    is_("every", [True, "EMFILE", True, "EMFILE"], [r if isinstance(r, str) else True for r in (error(tcp) for _ in range(4))])
    heal()
    fault("h1", "bind,listen", "errno", "EADDRINUSE", "port", "8080")
    a, b = tcp(), tcp()
    is_("port", ["EADDRINUSE", None, None], [error(a.bind, ("", 8080)), error(a.bind, ("", 8081)), error(a.listen)])
    heal()
    is_("port-listen", [None, None], [error(b.bind, ("", 8080)), error(b.listen)])
    b.close()
    fault("h1", "connect", "delay", "200ms")
    began = time.monotonic()
    is_("delay", None, error(tcp().connect, at))
    is_("delay-time", True, time.monotonic() - began >= 0.2)
    heal()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fault("h1", "send", "errno", "ENETUNREACH", "first", "1")
    is_("datagram", ["ENETUNREACH", 1], [error(u.sendto, b"x", at) for _ in range(2)])
    heal()
    fault("h1", "all", "errno", "EIO", "for", "50ms")
    time.sleep(0.3)
    is_("for", [[], None], [shown(), error(tcp().connect, at)])


def streams(listener):
    a, b = pair(listener)
    is_("ring-direct", True, direct(a))
    is_("ring-before", 3, a.send(b"abc"))
    fault("h1", "send", "errno", "EPIPE")
    is_("ring-strikes", ["EPIPE", "EPIPE"], [error(a.send, b"abc"), error(a.sendall, b"abc")])
    heal()
    is_("ring-after", 3, a.send(b"def"))
    is_("ring-lost-nothing", b"abcdef", b.recv(6, socket.MSG_WAITALL))
    is_("ring-direct-still", True, direct(a))
    fault("h1", "send", "short", "1")
    fault("h1", "recv", "short", "2")
    is_("short", [1, 1, 1], [a.send(b"abc"), a.sendmsg([b"", b"bc"]), os.write(a.fileno(), b"cd")])
    a.sendall(b"defg")
    is_("short-reads", [b"ab", b"cd", b"ef"], [b.recv(9) for _ in range(3)])
    heal()
    is_("short-rest", b"g", b.recv(9))
    fault("h1", "recv", "errno", "EAGAIN", "every", "3")
    a.sendall(b"123456")
    is_("storm", [b"1", b"2", "EAGAIN", b"3", b"4", "EAGAIN"], [error(b.recv, 1) for _ in range(6)])
    heal()
    is_("storm-over", b"56", b.recv(9))
    a.close()
    b.close()


def resets(listener):
    fault("h1", "send", "reset", "after", "64k")
    for piece in (1000, 65536, 100000):
        a, b = pair(listener)
        got = []
        reader = threading.Thread(target=lambda: got.append(read_all(b)))
        reader.start()
        is_(f"reset-after-{piece}", (65536, "ECONNRESET"), send_until_error(a, piece))
        reader.join()
        is_(f"reset-after-{piece}-read", [(65536, "ECONNRESET")], got)
        a.close()
        b.close()
    heal()
    fault("h1", "recv", "reset", "after", "5000")
    a, b = pair(listener)
    a.sendall(b"x" * 9000)
    is_("reset-read", (5000, "ECONNRESET"), read_all(b))
    is_("reset-read-writer", "ECONNRESET", error(a.recv, 1))
    a.close()
    b.close()
    heal()
    a, b = pair(listener)
    fault("h1", "send", "reset")
    is_("reset-at-once", "ECONNRESET", error(a.send, b"x"))
    is_("reset-at-once-other", "ECONNRESET", error(b.recv, 1))
    heal()


def far(listener):
    with subprocess.Popen([S, "exec", "h2", sys.executable, __file__, S, "peer"], stdout=subprocess.PIPE, text=True) as p:
        p.stdout.readline()
        for link in ("clear", "clear delay 5ms loss 5%"):
            sockland("set", "h1--s1", *link.split())
            fault("h1", "send", "reset", "after", "30000")
            a = tcp()
            a.connect(("h2", 7000))
            name = "far-slow" if "delay" in link else "far"
            is_(name, (30000, "ECONNRESET"), send_until_error(a, 7000))
            if name == "far":                        # a reset is sent once, and may be lost
                is_(f"{name}-read", "30000 ECONNRESET\n", p.stdout.readline())
            heal()
            a.close()
        p.kill()


def chance():
    """What p strikes, as letters."""
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fault("h1", "send", "errno", "EIO", "p", "50%")
    print("".join("x" if error(u.sendto, b"x", ("127.0.0.1", 9)) == "EIO" else "." for _ in range(40)))


if sys.argv[2:] == ["peer"]:
    peer()
elif sys.argv[2:] == ["chance"]:
    chance()
else:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    calls(listener)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    streams(listener)
    resets(listener)
    far(listener)
