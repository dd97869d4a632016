"""A FastCGI responder: answers every request that comes through its descriptor 0 with its pid and the path asked for.

At SIGTERM it ends between two requests, never in one.
"""

import os
import select
import signal
import socket
import struct

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
HEAD = struct.Struct("!BBHHBx")


def read(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def records(connection):
    """Type, request id and content of what comes."""
    while True:
        _, kind, request, length, padding = HEAD.unpack(read(connection, HEAD.size))
        yield kind, request, read(connection, length + padding)[:length]


def record(kind, request, content=b""):
    return HEAD.pack(1, kind, request, len(content), 0) + content


def pairs(data):
    """Names and values of the parameters."""
    found = {}
    while data:
        lengths = []
        for _ in range(2):
            size = 1 if data[0] < 128 else 4
            lengths.append(data[0] if size == 1 else struct.unpack("!I", data[:4])[0] & 0x7FFFFFFF)
            data = data[size:]
        name, value = data[: lengths[0]], data[lengths[0] : sum(lengths)]
        found[name.decode()] = value.decode()
        data = data[sum(lengths) :]
    return found


def answer(connection):
    params = b""
    for kind, request, content in records(connection):
        if kind == PARAMS:
            params += content
        if kind == STDIN and not content:
            break
    path = pairs(params).get("SCRIPT_NAME", "")
    body = f"Content-Type: text/plain\r\n\r\n{os.getpid()} {path}\n".encode()
    end = record(END, request, bytes(8))
    connection.sendall(record(STDOUT, request, body) + record(STDOUT, request) + end)


def main():
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGTERM, lambda *_: None)
    listener = socket.socket(fileno=0)
    # Several wait for the same connection, and one gets it.
    listener.setblocking(False)
    print("up", flush=True)
    while told not in select.select([listener, told], [], [])[0]:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            continue
        connection.setblocking(True)
        with connection:
            answer(connection)


main()
