// Go as a peer: the roles of udpair-bench with the net package.
//
// Takes the role and its options as they are given to udpair-bench, says READY where it can be sent to,
// and prints what it found as one line of JSON.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	endBytes     = 1
	bufferBytes  = 4 << 20
	payloadBytes = 2048
)

var options = map[string]string{"seconds": "0.7", "bytes": "64", "count": "0", "in-flight": "1"}

func main() {
	words := os.Args[2:]
	for at := 0; at+1 < len(words); at += 2 {
		options[strings.TrimPrefix(words[at], "--")] = words[at+1]
	}
	roles := map[string]func() map[string]any{
		"send": send, "receive": receive, "echo": echo, "ping": ping,
		"fan-out": fanOut, "idle": idle, "connect": connectByName,
	}
	before := cpuSeconds()
	found := roles[os.Args[1]]()
	found["cpu_seconds"] = cpuSeconds() - before
	must0(json.NewEncoder(os.Stdout).Encode(found))
}

func send() map[string]any {
	socket, payload := dial(), payload()
	started, sent := time.Now(), 0
	for ends := started.Add(duration()); time.Now().Before(ends); {
		for n := 0; n < 16; n++ {
			must(socket.Write(payload))
			sent++
		}
	}
	return map[string]any{"sent": sent, "seconds": time.Since(started).Seconds()}
}

func receive() map[string]any {
	socket, buffer, received := dial(), make([]byte, payloadBytes), 0
	ready()
	for {
		if must(socket.Read(buffer)) == endBytes {
			return map[string]any{"received": received}
		}
		received++
	}
}

func echo() map[string]any {
	socket, buffer, received := dial(), make([]byte, payloadBytes), 0
	ready()
	for {
		length := must(socket.Read(buffer))
		if length == endBytes {
			return map[string]any{"received": received}
		}
		received++
		must(socket.Write(buffer[:length]))
	}
}

func ping() map[string]any {
	socket, payload, buffer := dial(), payload(), make([]byte, payloadBytes)
	inFlight := number("in-flight")
	var latencies []float64
	started := time.Now()
	last, trips, underWay := started, 0, inFlight
	for n := 0; n < inFlight; n++ {
		must(socket.Write(payload))
	}
	for underWay > 0 {
		must(socket.Read(buffer))
		now := time.Now()
		if inFlight == 1 {
			latencies = append(latencies, micros(now.Sub(last)))
		}
		last = now
		trips++
		if now.Sub(started) < duration() {
			must(socket.Write(payload))
		} else {
			underWay--
		}
	}
	found := map[string]any{"round_trips": trips, "seconds": time.Since(started).Seconds()}
	if inFlight == 1 {
		found["latency"] = quantiles(latencies)
	}
	return found
}

func fanOut() map[string]any {
	socket := must(net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	must0(socket.SetWriteBuffer(bufferBytes))
	first, payload := netip.MustParseAddrPort(options["remote"]), payload()
	started, sent, count := time.Now(), 0, number("count")
	for ends := started.Add(duration()); time.Now().Before(ends); {
		for n := 0; n < 16; n++ {
			port := first.Port() + uint16(sent%count)
			must(socket.WriteToUDPAddrPort(payload, netip.AddrPortFrom(first.Addr(), port)))
			sent++
		}
	}
	return map[string]any{"sent": sent, "seconds": time.Since(started).Seconds()}
}

func idle() map[string]any {
	count := number("count")
	poker := must(net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	remote := poker.LocalAddr().(*net.UDPAddr)
	locals := make([]netip.AddrPort, count)
	before, started := resident(), time.Now()
	var waiting atomic.Int64
	var handled sync.WaitGroup
	handled.Add(count)
	for n := range locals {
		socket := must(net.DialUDP("udp4", nil, remote))
		locals[n] = socket.LocalAddr().(*net.UDPAddr).AddrPort()
		go func() {
			buffer := make([]byte, payloadBytes)
			waiting.Add(1)
			must(socket.Read(buffer))
			handled.Done()
		}()
	}
	for waiting.Load() < int64(count) {
		time.Sleep(time.Millisecond)
	}
	perSocket := func() float64 { return float64(resident()-before) / float64(count) }
	found := map[string]any{
		"sockets": count, "open_seconds": time.Since(started).Seconds(),
		"bytes_per_socket_before_first": perSocket(),
	}
	started = time.Now()
	for _, local := range locals {
		must(poker.WriteToUDPAddrPort([]byte("poke"), local))
	}
	handled.Wait()
	found["sweep_seconds"] = time.Since(started).Seconds()
	found["bytes_per_socket"] = perSocket()
	return found
}

func connectByName() map[string]any {
	count, server := number("count"), options["remote"]
	resolver := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server)
		},
	}
	once := func() float64 {
		started := time.Now()
		_, services, err := resolver.LookupSRV(context.Background(), "bench", "udp", "bench.test")
		must0(err)
		dialer := net.Dialer{Resolver: resolver}
		remote := net.JoinHostPort(services[0].Target, strconv.Itoa(int(services[0].Port)))
		socket := must(dialer.Dial("udp", remote))
		elapsed := micros(time.Since(started))
		must0(socket.Close())
		return elapsed
	}
	asker := must(net.Dial("udp4", server))
	queries := func() float64 {
		must(asker.Write(make([]byte, endBytes+1)))
		answer := make([]byte, 8)
		must(asker.Read(answer))
		return float64(binary.BigEndian.Uint64(answer))
	}
	atStart := queries()
	first := once()
	afterFirst := queries()
	var latencies []float64
	for len(latencies) < count {
		latencies = append(latencies, once())
	}
	return map[string]any{
		"first_us": first, "first_queries": afterFirst - atStart,
		"queries": (queries() - afterFirst) / float64(count),
		"latency": quantiles(latencies),
	}
}

func dial() *net.UDPConn {
	local := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(options["local"]))
	remote := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(options["remote"]))
	socket := must(net.DialUDP("udp4", local, remote))
	must0(socket.SetReadBuffer(bufferBytes))
	must0(socket.SetWriteBuffer(bufferBytes))
	return socket
}

func payload() []byte { return make([]byte, number("bytes")) }

func number(name string) int { return must(strconv.Atoi(options[name])) }

func duration() time.Duration {
	seconds := must(strconv.ParseFloat(options["seconds"], 64))
	return time.Duration(seconds * float64(time.Second))
}

func ready() { fmt.Println("READY") }

func micros(elapsed time.Duration) float64 { return float64(elapsed.Nanoseconds()) / 1e3 }

func quantiles(micros []float64) map[string]any {
	sort.Float64s(micros)
	at := func(share float64) float64 {
		if len(micros) == 0 {
			return 0
		}
		return micros[int(math.Round(float64(len(micros)-1)*share))]
	}
	return map[string]any{"p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999)}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	must0(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func resident() int {
	text := string(must(os.ReadFile("/proc/self/status")))
	_, rest, _ := strings.Cut(text, "RssAnon:")
	return must(strconv.Atoi(strings.Fields(rest)[0])) * 1024
}

func must[T any](value T, err error) T {
	must0(err)
	return value
}

func must0(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
