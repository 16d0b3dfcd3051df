"""A client of the rpy2 wire that follows the format to the letter; standard library only.

usage: rpy2_client.py [--send-bytewise] [--read-bytewise] HOST PORT ENCODING < CODE

The request is the encoding's name in ASCII, a newline, the byte count as an unsigned 64-bit
little-endian integer, and the code in that encoding. The reply is such a count, then the console
output in the same encoding, then the end of the stream: more or fewer bytes are a failure here.
CODE is read, and the reply printed, as UTF-8.
"""

import argparse
import socket
import struct
import sys

TIMEOUT_SECONDS = 20
COUNT = struct.Struct("<Q")


def main():
    options = parse_arguments()
    code = sys.stdin.buffer.read().decode("utf-8")
    address = (options.host, options.port)
    with socket.create_connection(address, timeout=TIMEOUT_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        send(connection, request(options.encoding, code), options.send_bytewise)
        reply = read_reply(connection, 1 if options.read_bytewise else 65536)
    sys.stdout.buffer.write(reply.decode(options.encoding).encode("utf-8"))


def parse_arguments():
    parser = argparse.ArgumentParser(description="Send R code over the rpy2 wire.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("encoding", help="a name Python knows, sent as it stands")
    parser.add_argument("--send-bytewise", action="store_true", help="one byte per packet")
    parser.add_argument("--read-bytewise", action="store_true", help="one byte per read")
    return parser.parse_args()


def request(encoding, code):
    body = code.encode(encoding)
    return encoding.encode("ascii") + b"\n" + COUNT.pack(len(body)) + body


def send(connection, data, bytewise):
    step = 1 if bytewise else len(data)
    for start in range(0, len(data), step):
        connection.sendall(data[start : start + step])


def read_reply(connection, chunk_bytes):
    (length,) = COUNT.unpack(read_exactly(connection, COUNT.size, chunk_bytes))
    reply = read_exactly(connection, length, chunk_bytes)
    if connection.recv(1):
        sys.exit(f"The server sent more than the {length} bytes it announced")
    return reply


def read_exactly(connection, length, chunk_bytes):
    data = bytearray()
    while len(data) < length:
        chunk = connection.recv(min(chunk_bytes, length - len(data)))
        if not chunk:
            sys.exit(f"The server closed after {len(data)} of {length} bytes")
        data += chunk
    return bytes(data)


if __name__ == "__main__":
    main()
