"""Ask each of these URLs until it answers 200, or for two minutes; exit code 1 where one does not."""

import sys
import time
import urllib.error
import urllib.request

deadline = time.monotonic() + 120
for url in sys.argv[1:]:
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                print(f"{url}: {answer.read().decode().strip()}", flush=True)
                break
        except urllib.error.HTTPError as error:
            said = error.read().decode().strip()
        except OSError as error:
            said = str(error)
        if time.monotonic() > deadline:
            sys.exit(f"{url}: {said}")
        time.sleep(1)
