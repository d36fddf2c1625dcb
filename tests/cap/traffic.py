"""TCP and UDP by both IP versions, echoed: traffic.py serve | traffic.py send HOST"""
import socket, sys, threading

FAMILIES = {socket.AF_INET: '0.0.0.0', socket.AF_INET6: '::'}
DATA = bytes(range(256)) * 200

def tcp_serve(listener):
    while True:
        conn, _ = listener.accept()
        while data := conn.recv(65536):
            conn.sendall(data)
        conn.close()

def udp_serve(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        sock.sendto(data, peer)

def serve():
    for family, addr in FAMILIES.items():
        tcp, udp = socket.socket(family, socket.SOCK_STREAM), socket.socket(family, socket.SOCK_DGRAM)
        for s in tcp, udp:
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((addr, 7))
        tcp.listen()
        threading.Thread(target=tcp_serve, args=(tcp,)).start()
        threading.Thread(target=udp_serve, args=(udp,)).start()
    print('ready', flush=True)

def send(host):
    for family in FAMILIES:
        addr = socket.getaddrinfo(host, 7, family, socket.SOCK_STREAM)[0][4]
        with socket.create_connection(addr[:2]) as tcp:
            threading.Thread(target=tcp.sendall, args=(DATA,)).start()
            got = b''
            while len(got) < len(DATA):
                got += tcp.recv(65536)
            assert got == DATA
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            for size in 0, 100, 1400, 4000:      # the last in fragments
                udp.sendto(DATA[:size], addr)
                assert udp.recv(65536) == DATA[:size]
            udp.connect((addr[0], 9))            # nobody there: ICMP
            udp.settimeout(0.3)
            udp.send(b'x')
            try:
                udp.recv(1)
            except (ConnectionRefusedError, TimeoutError):       # the host says so to one that asks often now and then
                pass
    print('done')

if sys.argv[1] == 'serve':
    serve()
else:
    send(sys.argv[2])
