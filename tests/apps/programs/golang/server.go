package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// certificate is made anew; its PEM is in the directory, for the client to trust.
func certificate(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(inDirectory("go.pem"), text, 0o644)
}

func hash(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	io.WriteString(w, sum(data))
}

// download sends as many random octets as asked for, and what they must hash to.
func download(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.Atoi(r.URL.Query().Get("size"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	data := make([]byte, size)
	rand.Read(data)
	w.Header().Set("X-Hash", sum(data))
	w.Write(data)
}

// slow answers when the client has given up: it is told so.
func slow(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func echoStreams(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			io.Copy(conn, conn)
		}()
	}
}

func echoDatagrams(conn net.PacketConn) error {
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		conn.WriteTo(buf[:n], from)
	}
}

func serve() error {
	http.HandleFunc("/hash", hash)
	http.HandleFunc("/download", download)
	http.HandleFunc("/slow", slow)
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	own, err := certificate(name)
	if err != nil {
		return err
	}
	streams, err := net.Listen("tcp", echoPort)
	if err != nil {
		return err
	}
	datagrams, err := net.ListenPacket("udp", echoPort)
	if err != nil {
		return err
	}
	https := http.Server{Addr: httpsPort, TLSConfig: &tls.Config{Certificates: []tls.Certificate{own}}}
	return allOf(4, func(i int) error {
		switch i {
		case 0:
			return echoStreams(streams)
		case 1:
			return echoDatagrams(datagrams)
		case 2:
			return https.ListenAndServeTLS("", "")
		default:
			return http.ListenAndServe(httpPort, nil)
		}
	})
}
