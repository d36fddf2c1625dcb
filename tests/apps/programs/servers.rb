# An echo server with a thread for each connection on 7001, UDP echo on 7002, a listener that nobody accepts from on 7003, files by HTTP on 8000.
require 'socket'
require 'webrick'

Thread.report_on_exception = true
Thread.new { Socket.tcp_server_loop(7001) { |peer, _| Thread.new { IO.copy_stream(peer, peer); peer.close } } }
Thread.new { Socket.udp_server_loop(7002) { |data, from| from.reply(data) } }
silent = TCPServer.new('::', 7003)
WEBrick::HTTPServer.new(Port: 8000, DocumentRoot: ARGV[0], AccessLog: [], Logger: WEBrick::Log.new(nil, 0)).start
silent.close
