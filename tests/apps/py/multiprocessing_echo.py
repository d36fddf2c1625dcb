"""multiprocessing: a listener shared by worker processes, a socket passed to a child, a Manager and a Pool over TCP."""
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
from multiprocessing.managers import BaseManager

PORT, WORKERS, KEY = 9003, 4, b"key"


def worker(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


class Counter:
    def __init__(self):
        self.n = 0

    def add(self, k):
        self.n += k
        return self.n


class Manager(BaseManager):
    pass


def serve_manager():
    Manager.register("Counter", Counter)
    Manager(("", PORT + 1), KEY).get_server().serve_forever()


def server():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())    # so that it takes its children with it
    listener = socket.create_server(("", PORT), backlog=128)
    children = [multiprocessing.Process(target=worker, args=(listener,), daemon=True) for _ in range(WORKERS)]
    children.append(multiprocessing.Process(target=serve_manager, daemon=True))
    for child in children:
        child.start()
    for child in children:
        child.join()


def client(host):
    data = os.urandom(200_000)
    with socket.create_connection((host, PORT), timeout=30) as s:
        pid = os.fork()
        if pid == 0:
            s.sendall(data)
            os._exit(0)
        got = b""
        while len(got) < len(data):
            got += s.recv(65536)
        os.waitpid(pid, 0)
    return got == data


def talk_to_manager(host):
    Manager.register("Counter")
    for attempt in range(200):
        try:
            m = Manager((host, PORT + 1), KEY)
            m.connect()
            break
        except ConnectionRefusedError:
            __import__("time").sleep(0.02)
    counter = m.Counter()
    assert [counter.add(2) for _ in range(5)] == [2, 4, 6, 8, 10]


def clients(host):
    # forkserver and spawn pass descriptors over AF_UNIX, fork shares them
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(4) as pool:
            answers = pool.map(client, [host] * 20)
        assert all(answers), "%s: %d of 20 differ" % (method, answers.count(False))
    talk_to_manager(host)


if __name__ == "__main__":
    server() if sys.argv[1] == "server" else clients(sys.argv[2])
