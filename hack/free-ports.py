#!/usr/bin/env python3
"""Prints N loopback ports that nobody uses: hack/free-ports.py N

They lie beside the range that outgoing connections take their ports from, or one of those could be faster than the
service that the port is meant for.
"""
import random
import socket
import sys

try:
    low, high = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
except OSError:
    low, high = 32768, 65535
ports = [port for port in range(20000, 65536) if not low <= port <= high]
if len(ports) < 1000:
    sys.exit("outgoing connections may take nearly every port; leave some: "
             "sysctl -w net.ipv4.ip_local_port_range='32768 60999'")
held = []
for port in random.sample(ports, 1000):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        continue
    held.append(s)
    if len(held) == int(sys.argv[1]):
        break
print(*(s.getsockname()[1] for s in held))
