"""Processes of one host that meet over Unix sockets: a manager's objects, listeners on a path and an abstract name, and a TCP connection that
its acceptor hands to another process. Ends with status 0 when everything was as it should be."""
import array
import multiprocessing
import os
import select
import socket
import sys
from multiprocessing.connection import Client, Listener

directory = sys.argv[1]


def meet(address):
    def echo():
        with listener.accept() as c:
            c.send((c.recv(), os.getpid()))
    with Listener(address, "AF_UNIX", authkey=b"secret") as listener:
        child = multiprocessing.Process(target=echo)
        child.start()
        with Client(address, authkey=b"secret") as c:
            c.send("x" * 300000)
            assert c.recv() == ("x" * 300000, child.pid)
        child.join()


def manager():
    with multiprocessing.Manager() as m:
        d = m.dict()
        workers = [multiprocessing.Process(target=d.__setitem__, args=(i, i * i)) for i in range(8)]
        for w in workers: w.start()
        for w in workers: w.join()
        assert dict(d) == {i: i * i for i in range(8)}


def worker(path):
    """Takes connections that come over path and answers on them."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    while True:
        data, fds, _, _ = socket.recv_fds(s, 100, 4)
        if not data: return
        with socket.socket(fileno=fds[0]) as c:
            c.sendall(data + b" by %d" % os.getpid())


def handed_over(path):
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(path)
    door.listen()
    child = multiprocessing.Process(target=worker, args=(path,))
    child.start()
    to, _ = door.accept()
    server = socket.create_server(("127.0.0.1", 0))
    for i in range(20):
        client = socket.create_connection(server.getsockname())
        c, _ = server.accept()
        socket.send_fds(to, [b"connection %d" % i], [c.fileno()])
        c.close()
        got = b"".join(iter(lambda: client.recv(100), b""))
        assert got == b"connection %d by %d" % (i, child.pid), got
    to.close()
    child.join()
    assert child.exitcode == 0


def credentials(path):
    l = socket.socket(socket.AF_UNIX)
    l.bind(path)
    l.listen()
    c = socket.socket(socket.AF_UNIX)
    c.connect(path)
    a, _ = l.accept()
    p = select.epoll()
    p.register(a, select.EPOLLIN | select.EPOLLET)
    assert p.poll(0) == []
    c.sendall(b"x")
    assert p.poll(5) == [(a.fileno(), select.EPOLLIN)]
    peer = array.array("i", a.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert list(peer) == [os.getpid(), os.getuid(), os.getgid()], peer
    os.unlink(path)
    try: socket.socket(socket.AF_UNIX).connect(path)
    except FileNotFoundError: pass
    else: raise AssertionError("an unlinked path")


meet(os.path.join(directory, "listener"))
meet("\0listener")
manager()
handed_over(os.path.join(directory, "door"))
credentials(os.path.join(directory, "cred"))
