"""The command: `python -m invoicing.sandbox`. `main` is what a management command calls as well."""

import argparse
import datetime
import signal
import sys

from .registry import SIMULATORS
from .server import serve
from .world import StateMismatch, World


def arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The command's arguments, for whoever offers it."""
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, help="what all data is computed from (default 1)")
    parser.add_argument("--invoices", type=int, metavar="N", help="invoices of each connection (default 60)")
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before every provider's answer")
    parser.add_argument("--state", metavar="FILE", help="keep every change in FILE, and begin from it again")
    parser.add_argument(
        "--anchor", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD", help="the world's first day"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Serve until interrupted."""
    options = arguments(argparse.ArgumentParser("sandbox", description=__doc__)).parse_args(argv)
    try:
        world = World(seed=options.seed, count=options.invoices, anchor=options.anchor, state=options.state)
    except StateMismatch as mismatch:
        print(mismatch, file=sys.stderr)
        return 2
    server = serve(world, SIMULATORS, options.host, options.port, options.latency_ms / 1000)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Sandbox ready on {server.url} with {', '.join(server.simulators) or 'no connections'}", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
