# The other side of servers.rb: clients.rb echo|many|udp|http|errors 4|6 FILE
require 'digest'
require 'net/http'
require 'socket'

MODE, VERSION, FILE = ARGV
DATA_SENT = File.binread(FILE)
ADDRESS = Addrinfo.getaddrinfo('h2', nil, VERSION == '6' ? :INET6 : :INET)[0].ip_address

def same(got) = Digest::SHA256.digest(got) == Digest::SHA256.digest(DATA_SENT) || raise("#{got.size} octets differ from #{DATA_SENT.size}")

def echo
  socket = Socket.tcp(ADDRESS, 7001, connect_timeout: 10)
  writer = Thread.new { socket.write(DATA_SENT); socket.close_write }
  same(socket.read)
  writer.join
  socket.close
end

def fails(kind)
  yield
  raise "no #{kind}"
rescue kind
  nil
end

case MODE
when 'echo' then echo
when 'many' then Array.new(20) { Thread.new { echo } }.each(&:join)
when 'udp'
  socket = UDPSocket.new(VERSION == '6' ? Socket::AF_INET6 : Socket::AF_INET)
  socket.connect(ADDRESS, 7002)
  100.times do |i|
    socket.send("datagram #{i}", 0)
    IO.select([socket], nil, nil, 10) || raise('nothing came')
    socket.recv(100) == "datagram #{i}" || raise('another datagram')
  end
when 'http'
  Net::HTTP.start('h2', 8000) { |http| 3.times { same(http.get('/data').body) } }
when 'errors'
  fails(Errno::ECONNREFUSED) { TCPSocket.new(ADDRESS, 7099) }
  fails(IO::WaitReadable) { TCPSocket.new(ADDRESS, 7003).read_nonblock(1) }
  fails(Net::ReadTimeout) { Net::HTTP.start(ADDRESS, 7003, read_timeout: 0.2, max_retries: 0) { |http| http.get('/') } }
end
