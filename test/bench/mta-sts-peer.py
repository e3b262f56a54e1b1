"""postfix-mta-sts-resolver for the socketmap row of the benchmark: its own responder, with a cache that is full already.

usage: mta-sts-peer.py SOCKET DOMAINS

Each domain of the list (one a line) has an enforced policy in the cache in memory, fresh for the whole run, so no answer
waits for DNS or HTTPS: that is its fastest case. It logs warnings only, as its daemon does by default. Its event loop is
uvloop, which its daemon takes where it is installed, and which makes it faster.
"""
import asyncio
import logging
import signal
import sys
import time

import uvloop
from postfix_mta_sts_resolver.base_cache import CacheEntry
from postfix_mta_sts_resolver.internal_cache import InternalLRUCache
from postfix_mta_sts_resolver.responder import STSSocketmapResponder

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

ZONE = {"strict_testing": False, "timeout": 4, "require_sni": True}


async def serve(path, domains):
    cache = InternalLRUCache(len(domains) + 1)
    await cache.setup()
    now = time.time()
    for domain in domains:
        body = {"version": "STSv1", "mode": "enforce", "max_age": 31557600, "mx": [f"mx.{domain}"]}
        await cache.set(domain, CacheEntry(now, "1", body))
    config = {"path": path, "reuse_port": False, "shutdown_timeout": 1, "cache_grace": 86400, "default_zone": ZONE, "zones": {}}
    responder = STSSocketmapResponder(config, asyncio.get_running_loop(), cache)
    await responder.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


logging.basicConfig(level=logging.WARNING)
with open(sys.argv[2], encoding="ascii") as names:
    listed = names.read().split()
asyncio.run(serve(sys.argv[1], listed))
