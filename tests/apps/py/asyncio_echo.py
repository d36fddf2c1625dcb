"""asyncio: streams and datagrams, 100 clients at once, everything echoed and checked."""
import asyncio
import hashlib
import os
import sys

PORT, CLIENTS, SIZE = 9001, 100, 100_000


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def server():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(EchoDatagrams, local_addr=("0.0.0.0", PORT))
    tcp = await asyncio.start_server(echo, None, PORT)
    await tcp.serve_forever()


async def client(host, number):
    reader, writer = await asyncio.open_connection(host, PORT)
    data = os.urandom(SIZE)

    async def send():
        for at in range(0, SIZE, 7777):
            writer.write(data[at:at + 7777])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    got = await asyncio.wait_for(reader.read(-1), 30)
    await sending
    writer.close()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), "client %d got %d octets" % (number, len(got))


class Answers(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.got.put_nowait(data)


async def datagrams(host):
    loop = asyncio.get_running_loop()
    import socket
    address = (await loop.getaddrinfo(host, PORT, family=socket.AF_INET, type=socket.SOCK_DGRAM))[0][4]
    transport, protocol = await loop.create_datagram_endpoint(Answers, remote_addr=address)
    for i in range(100):
        transport.sendto(b"datagram %d" % i)
        assert await asyncio.wait_for(protocol.got.get(), 5) == b"datagram %d" % i
    transport.close()


async def process():
    p = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate()
    assert out == b"hello\n"


async def clients(host):
    await asyncio.gather(*(client(host, i) for i in range(CLIENTS)), datagrams(host), process())


asyncio.run(server() if sys.argv[1] == "server" else clients(sys.argv[2]))
