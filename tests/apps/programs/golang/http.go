package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

func get(client *http.Client, url string, size int) error {
	answer, err := client.Get(fmt.Sprintf("%s/download?size=%d", url, size))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return expect(len(data) == size && sum(data) == answer.Header.Get("X-Hash"), "%d octets of %d from %s, or others", len(data), size, url)
}

func post(client *http.Client, url string, size int) error {
	data := make([]byte, size)
	rand.Read(data)
	answer, err := client.Post(url+"/hash", "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return expect(string(got) == sum(data), "a POST to %s came to %q", url, got)
}

// keepsAlive asks one after another, all but the first over the same connection.
func keepsAlive(client *http.Client, url string) error {
	const times = 40
	used := 0
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Reused {
			used++
		}
	}}
	for i := 0; i < times; i++ {
		request, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "GET", url+"/download?size=1000", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	return expect(used >= times-1, "%d of %d requests over a used connection", used, times)
}

// givesUp takes its request back; the server's handler ends by that.
func givesUp(url string) error {
	client := http.Client{Timeout: 200 * time.Millisecond}
	_, err := client.Get(url + "/slow")
	var asNet net.Error
	return expect(errors.As(err, &asNet) && asNet.Timeout(), "a request that nobody answers ended with %v", err)
}

func askAll(client *http.Client, url string) error {
	if err := keepsAlive(client, url); err != nil {
		return err
	}
	if err := post(client, url, 4<<20); err != nil {
		return err
	}
	return allOf(60, func(i int) error { return get(client, url, i*4001) })
}

func askHTTP(host string) error {
	addresses, err := net.LookupHost(host)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		url := "http://" + net.JoinHostPort(address, httpPort[1:])
		if err := askAll(&http.Client{Transport: &http.Transport{}}, url); err != nil {
			return err
		}
		if err := givesUp(url); err != nil {
			return err
		}
	}
	return expect(len(addresses) >= 2, "%s has only %v", host, addresses)
}

func askTLS(host string) error {
	text, err := os.ReadFile(inDirectory("go.pem"))
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(text)
	url := "https://" + host + httpsPort
	for _, second := range []bool{false, true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: second}
		client := &http.Client{Transport: transport}
		answer, err := client.Get(url + "/download?size=1")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if err := expect((answer.ProtoMajor == 2) == second, "%s over %s", url, answer.Proto); err != nil {
			return err
		}
		if err := askAll(client, url); err != nil {
			return err
		}
	}
	var unknown x509.UnknownAuthorityError
	_, err = http.Get(url + "/download?size=1")
	return expect(errors.As(err, &unknown), "a certificate that nobody signed: %v", err)
}
