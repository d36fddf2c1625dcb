import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** The other side of Server.java: Client http|sockets|interfaces HOST */
class Client {
	static String sha(byte[] data) throws Exception {
		return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
	}

	static byte[] random(int size) {
		var data = new byte[size];
		new Random().nextBytes(data);
		return data;
	}

	static void expect(boolean truth, String what) {
		if (!truth)
			throw new AssertionError(what);
	}

	static URI uri(InetAddress address, String path) {
		var host = address.getHostAddress().replaceAll("%.*", "");
		return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":8000/" + path);
	}

	static void http(String host) throws Exception {
		var client = HttpClient.newHttpClient();
		for (var address : InetAddress.getAllByName(host)) {
			var many = IntStream.range(0, 100).mapToObj(i -> client.sendAsync(HttpRequest.newBuilder(uri(address, i * 997 + "")).build(),
				BodyHandlers.ofByteArray())).toList();
			CompletableFuture.allOf(many.toArray(new CompletableFuture[0])).get();
			for (var one : many)
				expect(sha(one.get().body()).equals(one.get().headers().firstValue("X-Hash").get()), "a GET of " + address);
			var body = random(3 << 20);
			var answer = client.send(HttpRequest.newBuilder(uri(address, "")).POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(), BodyHandlers.ofString());
			expect(answer.body().equals(sha(body)), "a POST to " + address);
		}
	}

	static void stream(InetAddress address, byte[] data) throws Exception {
		try (var socket = new Socket(address, 8001)) {
			socket.setTcpNoDelay(true);
			socket.setKeepAlive(true);
			var writer = new Thread(() -> {
				try {
					socket.getOutputStream().write(data);
					socket.shutdownOutput();
				} catch (IOException e) {
					e.printStackTrace();
				}
			});
			writer.start();
			expect(Arrays.equals(socket.getInputStream().readAllBytes(), data), "the stream of " + address);
			writer.join();
		}
	}

	static void channel(InetAddress address, byte[] data) throws Exception {
		try (var channel = SocketChannel.open(new InetSocketAddress(address, 8001))) {
			var got = ByteBuffer.allocate(data.length);
			for (int at = 0; at < data.length; at += 10000) {
				var part = ByteBuffer.wrap(data, at, Math.min(10000, data.length - at));
				while (part.hasRemaining())
					channel.write(part);
				while (got.position() < at + 10000 && got.hasRemaining())
					channel.read(got);
			}
			expect(Arrays.equals(got.array(), data), "the channel of " + address);
		}
	}

	static void datagram(InetAddress address) throws IOException {
		try (var socket = new DatagramSocket()) {
			socket.setSoTimeout(10000);
			var data = random(1200);
			socket.send(new DatagramPacket(data, data.length, address, 8002));
			var packet = new DatagramPacket(new byte[2000], 2000);
			socket.receive(packet);
			expect(packet.getLength() == 1200 && Arrays.equals(Arrays.copyOf(packet.getData(), 1200), data), "the datagram of " + address);
			expect(packet.getAddress().equals(address) && packet.getPort() == 8002, "its source is " + packet.getSocketAddress());
		}
	}

	static void errors(String host) throws IOException {
		try {
			new Socket(host, 8088).close();
			expect(false, "a closed port lets connect");
		} catch (ConnectException e) {
			expect(e.getMessage().contains("refused"), e.getMessage());
		}
		try (var listener = new ServerSocket(0)) {
			listener.setSoTimeout(50);
			listener.accept();
			expect(false, "nobody connected");
		} catch (SocketTimeoutException e) {
			expect(e.getMessage().contains("timed out"), e.getMessage());
		}
	}

	/** close() in another thread ends a read: Java wakes the reader with a signal and dup2. */
	static void closed(String host) throws Exception {
		var socket = new Socket(host, 8001);
		var reader = new Thread(() -> {
			try {
				socket.getInputStream().read();
			} catch (IOException e) {
				return;
			}
			System.exit(3);
		});
		reader.start();
		while (reader.getState() == Thread.State.NEW || reader.getState() == Thread.State.BLOCKED)
			Thread.yield();
		Thread.sleep(50);
		socket.close();
		reader.join(10000);
		expect(!reader.isAlive(), "a read outlives close");
	}

	static void sockets(String host) throws Exception {
		var data = random(4 << 20);
		for (var address : InetAddress.getAllByName(host)) {
			stream(address, data);
			channel(address, data);
			datagram(address);
		}
		errors(host);
		closed(host);
	}

	static void interfaces(String host) throws IOException {
		var names = Collections.list(NetworkInterface.getNetworkInterfaces());
		boolean multicast = false;
		for (var name : names)
			multicast |= name.supportsMulticast();
		expect(multicast, "no interface of " + names + " does multicast");
		for (var address : InetAddress.getAllByName(host)) {
			var owner = NetworkInterface.getByInetAddress(address);
			expect(owner != null && owner.isUp() && owner.getMTU() >= 1280, "the interface of " + address + " is " + owner);
			if (!address.isLoopbackAddress())
				expect(owner.getHardwareAddress().length == 6, "the hardware address of " + owner);
		}
		expect(InetAddress.getLocalHost().getHostName().equals(host), "its name is " + InetAddress.getLocalHost());
		expect(InetAddress.getByName(host).isReachable(5000), "it does not reach itself");
	}

	public static void main(String[] args) throws Exception {
		switch (args[0]) {
		case "http" -> http(args[1]);
		case "sockets" -> sockets(args[1]);
		case "interfaces" -> interfaces(args[1]);
		default -> throw new IllegalArgumentException(args[0]);
		}
		System.exit(0);
	}
}
