"""A server of the rpy2 wire with a scripted evaluator instead of R; standard library only.

usage: rpy2_server.py [--reply upper|describe|TEXT] [--bytewise] [--cut BYTES] [--declare BYTES]

Prints its port on standard output, answers one request per connection, and ends when its
standard input does, so that it cannot outlive whoever started it. `--cut` closes after that many
bytes of the reply, its count included; `--declare` announces a length that need not be true.
"""

import argparse
import os
import socket
import struct
import sys
import threading

TIMEOUT_SECONDS = 20
COUNT = struct.Struct("<Q")


def main():
    options = parse_arguments()
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(TIMEOUT_SECONDS)
                serve_one(connection, options)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Answer the rpy2 wire by a script.")
    parser.add_argument(
        "--reply",
        default="upper",
        help="`upper`: the code in capitals; `describe`: what arrived; else this text",
    )
    parser.add_argument("--bytewise", action="store_true", help="one byte per packet")
    parser.add_argument("--cut", type=int, help="close after this many bytes of the reply")
    parser.add_argument("--declare", type=int, help="announce this length instead of the true one")
    return parser.parse_args()


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


def serve_one(connection, options):
    try:
        label, body = read_request(connection)
        body = evaluate(label, body, options.reply).encode(label)
        declared = len(body) if options.declare is None else options.declare
        send(connection, (COUNT.pack(declared) + body)[: options.cut], options.bytewise)
    except (OSError, EOFError, LookupError, UnicodeError) as error:
        print(f"rpy2_server: {error}", file=sys.stderr, flush=True)


def read_request(connection):
    label = bytearray()
    while not label.endswith(b"\n"):
        label += read_exactly(connection, 1)
    (length,) = COUNT.unpack(read_exactly(connection, COUNT.size))
    return label[:-1].decode("ascii"), read_exactly(connection, length)


def read_exactly(connection, length):
    data = bytearray()
    while len(data) < length:
        chunk = connection.recv(min(65536, length - len(data)))
        if not chunk:
            raise EOFError(f"the client closed after {len(data)} of {length} bytes")
        data += chunk
    return bytes(data)


def evaluate(label, body, reply):
    code = body.decode(label)
    if reply == "upper":
        return code.upper()
    if reply == "describe":
        return f"label {label}\nbytes {body.hex(' ')}\n"
    return reply


def send(connection, data, bytewise):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    step = 1 if bytewise else max(len(data), 1)
    for start in range(0, len(data), step):
        connection.sendall(data[start : start + step])


if __name__ == "__main__":
    main()
