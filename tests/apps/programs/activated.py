"""A service that is handed its sockets. usage: activated.py names|datagrams|inetd | launch PORT PORT

names: LISTEN_FDS=2, called one and two; both echo. datagrams: LISTEN_FDS=1. inetd: standard input is the socket; it serves what is there and
goes. launch: listens, and hands itself the sockets as systemd would.
"""
import os
import socket
import sys
import threading


def handed(names):
    assert int(os.environ["LISTEN_PID"]) == os.getpid()
    assert int(os.environ["LISTEN_FDS"]) == len(names)
    assert os.environ.get("LISTEN_FDNAMES", ":".join(names)) == ":".join(names)
    return [socket.socket(fileno=3 + i) for i in range(len(names))]


def echo(listener):
    assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    listener.setblocking(True)
    while True:
        peer, _ = listener.accept()
        with peer:
            while part := peer.recv(65536):
                peer.sendall(part)


def names():
    one, two = handed(["one", "two"])
    threading.Thread(target=echo, args=(one,), daemon=True).start()
    echo(two)


def answer(s):
    data, peer = s.recvfrom(2000)
    s.sendto(data.upper(), peer)


def datagrams():
    (s,) = handed([os.environ.get("LISTEN_FDNAMES", "unknown")])
    assert s.type == socket.SOCK_DGRAM
    s.setblocking(True)
    while True:
        answer(s)


def inetd():
    answer(socket.socket(fileno=0))


def launch():
    sockets = [socket.create_server(("", int(port))) for port in sys.argv[2:]]
    raised = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
    for i, fd in enumerate(raised):
        os.dup2(fd, 3 + i)
        os.close(fd)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(raised)), LISTEN_FDNAMES="one:two")
    os.execv(sys.executable, [sys.executable, sys.argv[0], "names"])


{"names": names, "datagrams": datagrams, "inetd": inetd, "launch": launch}[sys.argv[1]]()
