"""A server of the rpy2 wire over R embedded by rpy2: the peer `rtool serve` is measured against.

usage: rpy2_server.py

Prints its port on standard output, answers one request per connection, one at a time since R is
not thread-safe, and ends when its standard input does. Evaluates in the global environment, prints
visible values, and answers with everything R wrote to its console; an R error is part of that.
"""

import os
import socketserver
import struct
import sys
import threading

from rpy2 import rinterface
from rpy2.rinterface_lib import callbacks
from rpy2.rinterface_lib._rinterface_capi import RParsingError
from rpy2.rinterface_lib.embedded import RRuntimeError

COUNT = struct.Struct("<Q")


def main():
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    rinterface.initr()
    console = Console()
    callbacks.consolewrite_print = console.write
    callbacks.consolewrite_warnerror = console.write
    evaluator = Evaluator(console)

    class Request(socketserver.StreamRequestHandler):
        """One connection: a request, a reply, the end."""

        disable_nagle_algorithm = True

        def handle(self):
            encoding = self.rfile.readline().strip().decode("ascii")
            (length,) = COUNT.unpack(self.rfile.read(COUNT.size))
            code = self.rfile.read(length).decode(encoding)
            reply = evaluator.evaluate(code).encode(encoding)
            self.wfile.write(COUNT.pack(len(reply)) + reply)

    with socketserver.TCPServer(("127.0.0.1", 0), Request) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


class Console:
    """What R wrote since it was last taken."""

    def __init__(self):
        self._parts = []

    def write(self, text):
        self._parts.append(text)

    def take(self):
        text = "".join(self._parts)
        self._parts.clear()
        return text


class Evaluator:
    """Runs source text as R's own prompt would: each expression, printed if visible."""

    def __init__(self, console):
        self._console = console
        self._with_visible = rinterface.baseenv["withVisible"]
        self._print = rinterface.baseenv["print"]

    def evaluate(self, code):
        try:
            for expression in rinterface.parse(code):
                value, visible = self._with_visible(expression)
                if visible[0]:
                    self._print(value)
        except RRuntimeError:
            pass  # R has written its message to the console already.
        except RParsingError as error:
            self._console.write(f"{error}\n")
        return self._console.take()


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
