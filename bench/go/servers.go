package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
)

// echoServer writes back what it reads; each connection has a goroutine and a buffer. Go turns TCP_NODELAY on itself.
func echoServer(p parameters) {
	listener := listen(p)
	size := p.get("buffer")
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail("accept: %v", err)
		}
		go echo(connection, make([]byte, size))
	}
}

func echo(connection net.Conn, buffer []byte) {
	defer connection.Close()
	for {
		length, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:length]); err != nil {
			return
		}
	}
}

// httpServer says hello.
func httpServer(p parameters) {
	http.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		io.WriteString(response, "Hello, world!")
	})
	fail("serve: %v", http.Serve(listen(p), nil))
}

func listen(p parameters) net.Listener {
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", p.get("port")))
	if err != nil {
		fail("listen: %v", err)
	}
	return listener
}
