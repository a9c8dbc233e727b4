#!/usr/bin/env python3
"""Prints N loopback ports that nobody uses: hack/free-ports.py N

They lie below the range that outgoing connections take their ports from, or one of those could be faster than the
service that the port is meant for.
"""
import random
import socket
import sys

held = []
for port in random.sample(range(20000, 32000), 2000):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        continue
    held.append(s)
    if len(held) == int(sys.argv[1]):
        break
print(*(s.getsockname()[1] for s in held))
