"""How fast this machine reads memory: the sum of a large array, by one thread and by two."""

import threading
import time

import numpy


def gigabytes_per_second(threads, gigabytes=1, rounds=5):
    parts = [numpy.ones(gigabytes * (1 << 30) // 8 // threads, numpy.int64) for _ in range(threads)]
    best = 0
    for _ in range(rounds):
        workers = [threading.Thread(target=part.sum) for part in parts]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = max(best, gigabytes * (1 << 30) / (time.perf_counter() - began) / 1e9)
    return best
