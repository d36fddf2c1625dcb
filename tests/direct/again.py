"""A connection that its program asks for twice goes directly all the same: again.py serve PORT, again.py ADDRESS PORT"""
import errno
import select
import socket
import sys

TURNS = 1000

if sys.argv[1] == "serve":
    with socket.create_server(("", int(sys.argv[2]))) as listener:
        conn, _ = listener.accept()
        conn.sendall(b"!")
        while octet := conn.recv(1):
            conn.sendall(octet)
    sys.exit(0)

sock = socket.socket()
sock.setblocking(False)
to = (sys.argv[1], int(sys.argv[2]))
assert sock.connect_ex(to) == errno.EINPROGRESS
select.select([sock], [], [])           # accepted: the server has spoken
assert sock.connect_ex(to) == 0
assert sock.connect_ex(to) == errno.EISCONN
sock.setblocking(True)
assert sock.recv(1) == b"!"
for i in range(TURNS):
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"
print(TURNS, "round trips")
