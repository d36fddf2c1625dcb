#!/usr/bin/python3
"""A connection moves from h1 to h2 with h1's address, while its peer on h3 notices nothing: moving.py SOCKLAND, run on a network of --topo single,3.
Prints what the peer says of what it read. With a second word it is one of the programs on the hosts: peer, leave, arrive."""
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import termios
import time

REPAIR, QUEUE, SEQ, OPTIONS, WINDOW = 19, 20, 21, 22, 29
OFF, ON, RECEIVED, SENT = 0, 1, 1, 2
SIOCOUTQ = termios.TIOCOUTQ
BEFORE, UNREAD, LATER = b"before the move", b"not read yet", b"x" * 300000
ADDRESS = "10.0.0.1/8"                # h1's; h2 has its own beside it


def peer():
    """Answers with what it reads, and a line more at once, which h1 does not read before it leaves."""
    listener = socket.socket()
    listener.bind(("", 7000))
    listener.listen()
    print("ready", flush=True)
    s, who = listener.accept()
    assert s.recv(len(BEFORE), socket.MSG_WAITALL) == BEFORE
    s.sendall(UNREAD)
    got = b""
    while piece := s.recv(65536):
        got += piece
    s.sendall(b"%d from %s" % (len(got), who[0].encode()))
    print(len(got), got == LATER)


def option(s, name, size=4):
    value = s.getsockopt(socket.IPPROTO_TCP, name, size)
    return struct.unpack("I", value)[0] if size == 4 else value


def queue(s, which, octets):
    s.setsockopt(socket.IPPROTO_TCP, QUEUE, which)
    data = s.recv(octets, socket.MSG_PEEK) if octets else b""
    return {"data": data.hex(), "seq": (option(s, SEQ) - len(data)) % 2**32}


def waiting(s, request):
    return struct.unpack("i", fcntl.ioctl(s, request, b"\0" * 4))[0]


def leave():
    s = socket.create_connection(("10.0.0.3", 7000))
    s.sendall(BEFORE)
    while waiting(s, termios.FIONREAD) < len(UNREAD) or waiting(s, SIOCOUTQ):
        time.sleep(0.001)
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, ON)
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    m = {"local": s.getsockname(), "peer": s.getpeername(), "scales": info[6], "window": option(s, WINDOW, 20).hex(),
         "mss": option(s, socket.TCP_MAXSEG), "stamp": option(s, 24),
         "received": queue(s, RECEIVED, waiting(s, termios.FIONREAD)), "sent": queue(s, SENT, waiting(s, SIOCOUTQ))}
    s.close()
    print(json.dumps(m))


def arrive():
    m = json.loads(sys.stdin.read())
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, ON)
    s.setsockopt(socket.IPPROTO_TCP, 24, struct.pack("I", m["stamp"]))
    s.bind(tuple(m["local"]))
    for which, name in (RECEIVED, "received"), (SENT, "sent"):
        s.setsockopt(socket.IPPROTO_TCP, QUEUE, which)
        s.setsockopt(socket.IPPROTO_TCP, SEQ, struct.pack("I", m[name]["seq"]))
    s.connect(tuple(m["peer"]))
    scales = m["scales"] & 15 | m["scales"] >> 4 << 16
    s.setsockopt(socket.IPPROTO_TCP, OPTIONS, struct.pack("8I", 2, m["mss"], 3, scales, 4, 0, 8, 0))
    for which, name in (RECEIVED, "received"), (SENT, "sent"):
        s.setsockopt(socket.IPPROTO_TCP, QUEUE, which)
        if m[name]["data"]:
            s.sendall(bytes.fromhex(m[name]["data"]))
    s.setsockopt(socket.IPPROTO_TCP, WINDOW, bytes.fromhex(m["window"]))
    s.setsockopt(socket.IPPROTO_TCP, REPAIR, OFF)
    print(s.recv(len(UNREAD), socket.MSG_WAITALL) == UNREAD)
    s.sendall(LATER)
    s.shutdown(socket.SHUT_WR)
    print(s.recv(100).decode())


def main(sockland):
    def on(host, *what):
        return [sockland, "exec", host, *what]

    def here(part):
        return "/usr/bin/python3", os.path.abspath(__file__), sockland, part
    listener = subprocess.Popen(on("h3", *here("peer")), stdout=subprocess.PIPE, text=True)
    listener.stdout.readline()
    m = subprocess.run(on("h1", *here("leave")), stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(on("h1", "ip", "address", "del", ADDRESS, "dev", "eth0"), check=True)
    subprocess.run(on("h2", "ip", "address", "add", ADDRESS, "dev", "eth0"), check=True)
    print(subprocess.run(on("h2", *here("arrive")), input=m, stdout=subprocess.PIPE, check=True).stdout.decode(), end="")
    print(listener.communicate()[0], end="")


if len(sys.argv) > 2:
    {"peer": peer, "leave": leave, "arrive": arrive}[sys.argv[2]]()
else:
    main(sys.argv[1])
