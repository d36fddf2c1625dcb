import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.Executors;

/** On 8000 HTTP: a body comes back as its hash, /N sends N octets with their hash. On 8001 an echo by a selector, on 8002 one of datagrams. */
class Server {
	static String sha(byte[] data) throws Exception {
		return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
	}

	static byte[] random(int size) {
		var data = new byte[size];
		new Random().nextBytes(data);
		return data;
	}

	static void http() throws IOException {
		var server = HttpServer.create(new InetSocketAddress(8000), 100);
		server.createContext("/", exchange -> {
			try (exchange) {
				var body = exchange.getRequestBody().readAllBytes();
				var number = exchange.getRequestURI().getPath().substring(1);
				var answer = number.isEmpty() ? sha(body).getBytes() : random(Integer.parseInt(number));
				exchange.getResponseHeaders().set("X-Hash", sha(answer));
				exchange.sendResponseHeaders(200, answer.length == 0 ? -1 : answer.length);
				exchange.getResponseBody().write(answer);
			} catch (Exception e) {
				e.printStackTrace();
			}
		});
		server.setExecutor(Executors.newFixedThreadPool(8));
		server.start();
	}

	static void datagrams() {
		try (var socket = new DatagramSocket(8002)) {
			var packet = new DatagramPacket(new byte[2000], 2000);
			for (;;) {
				packet.setLength(2000);
				socket.receive(packet);
				socket.send(packet);
			}
		} catch (IOException e) {
			e.printStackTrace();
		}
	}

	static void echo(SelectionKey key) throws IOException {
		var channel = (SocketChannel)key.channel();
		var buffer = (ByteBuffer)key.attachment();
		if (key.isReadable() && channel.read(buffer) < 0 && buffer.position() == 0) {
			channel.close();
			return;
		}
		buffer.flip();
		channel.write(buffer);
		buffer.compact();
		key.interestOps((buffer.position() > 0 ? SelectionKey.OP_WRITE : 0) | (buffer.hasRemaining() ? SelectionKey.OP_READ : 0));
	}

	public static void main(String[] args) throws Exception {
		var selector = Selector.open();
		var listener = ServerSocketChannel.open().bind(new InetSocketAddress(8001));
		listener.configureBlocking(false);
		listener.register(selector, SelectionKey.OP_ACCEPT);
		new Thread(Server::datagrams).start();
		http();
		for (;;) {
			selector.select();
			for (var key : selector.selectedKeys()) {
				if (key.isAcceptable()) {
					var channel = listener.accept();
					channel.configureBlocking(false);
					channel.register(selector, SelectionKey.OP_READ, ByteBuffer.allocate(30000));
				} else {
					echo(key);
				}
			}
			selector.selectedKeys().clear();
		}
	}
}
