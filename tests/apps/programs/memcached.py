"""A client of memcached's text protocol. usage: memcached.py tcp|udp|many HOST 4|6"""
import hashlib
import os
import socket
import struct
import sys
import threading

mode, host, version = sys.argv[1:4]
family = socket.AF_INET6 if version == "6" else socket.AF_INET


def address(kind):
    return socket.getaddrinfo(host, 11211, family, kind)[0][4]


class Client:
    def __init__(self):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.connect(address(socket.SOCK_STREAM))
        self.file = self.socket.makefile("rwb")

    def set(self, key, value):
        self.file.write(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value))
        self.file.flush()
        line = self.file.readline()
        assert line == b"STORED\r\n", line

    def get(self, key):
        self.file.write(b"get %s\r\n" % key)
        self.file.flush()
        size = int(self.file.readline().split()[3])
        value = self.file.read(size)
        assert self.file.read(7) == b"\r\nEND\r\n"
        return value


def tcp():
    client = Client()
    for size in [0, 1, 1000, 16384, 65537, 1 << 20]:
        value = os.urandom(size)
        client.set(b"key%d" % size, value)
        assert hashlib.sha256(client.get(b"key%d" % size)).digest() == hashlib.sha256(value).digest(), size


def udp():
    """A frame header of 8 octets: request, sequence, datagrams, reserved."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(address(socket.SOCK_DGRAM))
        for request in range(100):
            s.send(struct.pack("!HHHH", request, 0, 1, 0) + b"set u%d 0 0 4\r\n%04d\r\n" % (request, request))
            assert s.recv(2000) == struct.pack("!HHHH", request, 0, 1, 0) + b"STORED\r\n"
        Client().set(b"long", bytes(10000))
        s.send(struct.pack("!HHHH", 7, 0, 1, 0) + b"get long\r\n")
        total, parts = 1, {}
        while len(parts) < total:
            data = s.recv(2000)
            number, part, total, _ = struct.unpack("!HHHH", data[:8])
            assert number == 7
            parts[part] = data[8:]
        assert b"".join(parts[i] for i in range(total)) == b"VALUE long 0 10000\r\n" + bytes(10000) + b"\r\nEND\r\n"


def many():
    failed = []

    def one(number):
        try:
            client = Client()
            for i in range(50):
                value = os.urandom(number * 40 + i)
                client.set(b"m%d-%d" % (number, i), value)
                assert client.get(b"m%d-%d" % (number, i)) == value
        except Exception as error:
            failed.append((number, error))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed[:3]


{"tcp": tcp, "udp": udp, "many": many}[mode]()
