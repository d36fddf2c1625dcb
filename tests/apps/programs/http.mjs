// An HTTP server of two worker processes (node's cluster: the listening socket is passed) and clients: http.request with kept connections,
// fetch, http2, UDP. usage: http.mjs server | client HOST | sockets HOST
import cluster from 'node:cluster';
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import dns from 'node:dns/promises';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const [, , role, host] = process.argv;
const sha = data => crypto.createHash('sha256').update(data).digest('hex');
const same = (a, b, what) => { if (a !== b) throw new Error(`${what}: ${a} is not ${b}`); };

function serve() {      // /N sends N octets and their hash; a body comes back as its hash
	const server = http.createServer((request, response) => {
		if (request.method === 'POST') {
			const hash = crypto.createHash('sha256');
			request.on('data', part => hash.update(part));
			request.on('end', () => response.end(hash.digest('hex')));
			return;
		}
		const body = crypto.randomBytes(Number(request.url.slice(1)));
		response.writeHead(200, { 'x-hash': sha(body), 'x-peer': request.socket.remoteAddress, 'x-pid': process.pid });
		response.end(body);
	});
	server.listen(8080, '::');
}

function server() {
	if (!cluster.isPrimary) return serve();
	cluster.fork();
	cluster.fork();
	const h2 = http2.createServer();
	h2.on('stream', stream => stream.pipe(stream));
	h2.listen(8081, '::');
	const udp = dgram.createSocket('udp6');
	udp.on('message', (data, from) => udp.send(data, from.port, from.address));
	udp.bind(8082);
	net.createServer({ allowHalfOpen: true }, socket => socket.pipe(socket)).listen(8083);
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
function request(options, body) {
	return new Promise((resolve, reject) => {
		const r = http.request({ host, port: 8080, agent, ...options }, response => {
			const parts = [];
			response.on('data', part => parts.push(part));
			response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(parts) }));
			response.on('error', reject);
		});
		r.on('error', reject);
		r.end(body);
	});
}

async function client() {
	const pids = new Set();
	await Promise.all(Array.from({ length: 200 }, async (_, i) => {
		const { headers, body } = await request({ path: `/${i * 1000}`, family: i % 2 ? 4 : 6 });
		same(sha(body), headers['x-hash'], `GET ${i}`);
		same(net.isIP(headers['x-peer']), 6, 'the peer of a v6 socket');
		pids.add(headers['x-pid']);
	}));
	same(pids.size, 2, 'workers that answered');
	const upload = crypto.randomBytes(4 << 20);
	same((await request({ method: 'POST', path: '/' }, upload)).body.toString(), sha(upload), 'POST');
	agent.destroy();
	for (const { address, family } of await dns.lookup(host, { all: true })) {
		const answer = await fetch(`http://${family === 6 ? `[${address}]` : address}:8080/3000000`);
		same(sha(Buffer.from(await answer.arrayBuffer())), answer.headers.get('x-hash'), `fetch v${family}`);
	}
	await fetch(`http://${host}:8088/`).then(() => { throw new Error('a closed port answers'); }, error => {
		const causes = error.cause.errors ?? [error.cause];
		for (const cause of causes) same(cause.code, 'ECONNREFUSED', 'a closed port');
	});
}

const h2echo = data => new Promise((resolve, reject) => {
	const session = http2.connect(`http://${host}:8081`);
	session.on('error', reject);
	const stream = session.request({ ':method': 'POST' }), parts = [];
	stream.on('data', part => parts.push(part));
	stream.on('end', () => { session.close(); resolve(sha(Buffer.concat(parts))); });
	stream.end(data);
});
const udpecho = (type, data) => new Promise((resolve, reject) => {
	const socket = dgram.createSocket(type);
	socket.on('error', reject);
	socket.on('message', got => { socket.close(); resolve(sha(got)); });
	socket.send(data, 8082, host);
});
const tcpecho = (family, data) => new Promise((resolve, reject) => {
	const socket = net.connect({ host, port: 8083, family, allowHalfOpen: true }), parts = [];
	socket.setKeepAlive(true, 5000);
	socket.setNoDelay(true);
	socket.on('error', reject);
	socket.on('data', part => parts.push(part));
	socket.on('end', () => resolve(sha(Buffer.concat(parts))));
	socket.end(data);
});

async function sockets() {
	const data = crypto.randomBytes(8 << 20), small = data.subarray(0, 1400);
	for (const family of [4, 6]) {
		same(await tcpecho(family, data), sha(data), `TCP v${family}`);
		same(await udpecho(`udp${family}`, small), sha(small), `UDP v${family}`);
	}
	same(await h2echo(data), sha(data), 'HTTP/2');
}

await { server, client, sockets }[role]();
