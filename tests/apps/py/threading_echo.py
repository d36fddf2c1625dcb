"""threading: socketserver with a thread a connection, 50 client threads, all octets checked; TCP and UDP."""
import os
import socket
import socketserver
import sys
import threading

PORT, CLIENTS, ROUNDS = 9002, 50, 20


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 128


class DatagramHandler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(self.request[0][::-1], self.client_address)


def server():
    udp = socketserver.ThreadingUDPServer(("", PORT), DatagramHandler)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    Server(("", PORT), Handler).serve_forever()


def client(host, failures):
    try:
        with socket.create_connection((host, PORT), timeout=30) as s, s.makefile("rb") as lines:
            for _ in range(ROUNDS):
                line = os.urandom(2000).hex().encode() + b"\n"
                s.sendall(line)
                assert lines.readline() == line
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.settimeout(10)
            u.connect((host, PORT))
            u.send(b"backwards")
            assert u.recv(100) == b"sdrawkcab"
    except Exception as e:
        failures.append(repr(e))


def clients(host):
    failures = []
    threads = [threading.Thread(target=client, args=(host, failures)) for _ in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        sys.exit("%d of %d failed: %s" % (len(failures), CLIENTS, failures[0]))


server() if sys.argv[1] == "server" else clients(sys.argv[2])
