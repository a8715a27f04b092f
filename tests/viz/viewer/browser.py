"""Controls a headless Chromium by its DevTools protocol over pipes."""

import base64
import json
import os
from pathlib import Path
import shutil
import subprocess
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
FLAGS = (
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--hide-scrollbars', '--remote-debugging-pipe',
)
PATIENCE = 20  # seconds


def find() -> str | None:
    """Returns the path of the browser, None if none is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A running browser; `open` returns a page."""

    def __init__(self, program: str, folder: Path):
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # The browser reads from 3 and writes to 4; our own descriptors may have these numbers.
        low, high = (os.dup(end) for end in (commands, answers))
        wired = f'exec 3<&{low} 4>&{high} {low}<&- {high}>&-; exec "$@"'
        self._process = subprocess.Popen(
            ['bash', '-c', wired, 'bash', program, *FLAGS, f'--user-data-dir={folder}'],
            pass_fds=(low, high), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for end in (commands, answers, low, high):
            os.close(end)
        self._buffer, self._number = b'', 0
        self.events: list[dict] = []

    def call(self, method: str, session: str | None = None, **parameters) -> dict:
        """Sends a command and returns its result; events received meanwhile go to `events`."""
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        rest = json.dumps(message).encode() + b'\0'
        while rest:
            rest = rest[os.write(self._commands, rest):]
        while True:
            received = self._read()
            if received.get('id') == self._number:
                assert 'error' not in received, (method, received['error'])
                return received['result']
            self.events.append(received)

    def _read(self) -> dict:
        while b'\0' not in self._buffer:
            part = os.read(self._answers, 1 << 20)
            assert part, 'the browser ended'
            self._buffer += part
        received, self._buffer = self._buffer.split(b'\0', 1)
        return json.loads(received)

    def open(self, address: str, *, width=1280, height=800, dark=False, reduced=False) -> 'Page':
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        page = Page(self, session, target)
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            page.call(f'{domain}.enable')
        page.look(width, height, dark=dark, reduced=reduced)
        page.call('Performance.enable', timeDomain='threadTicks')
        page.go(address)
        return page

    def close(self):
        self.call('Browser.close')
        self._process.wait(PATIENCE)
        os.close(self._commands)
        os.close(self._answers)


class Page:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str, target: str):
        self._browser, self._session, self._target = browser, session, target

    def call(self, method: str, **parameters) -> dict:
        return self._browser.call(method, self._session, **parameters)

    def look(self, width: int, height: int, *, dark=False, reduced=False):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        features = {'prefers-color-scheme': 'dark' if dark else 'light',
                    'prefers-reduced-motion': 'reduce' if reduced else 'no-preference'}
        self.call('Emulation.setEmulatedMedia',
                  features=[{'name': name, 'value': value} for name, value in features.items()])

    def go(self, address: str):
        """Opens a URL and waits until the first recording is shown."""
        self.call('Page.navigate', url=address)
        self.wait('performance.getEntriesByName("shown").length > 0')

    def run(self, script: str):
        """Runs a script and returns its result."""
        result = self.call('Runtime.evaluate', expression=script, returnByValue=True,
                           awaitPromise=True)
        assert 'exceptionDetails' not in result, (script, result['exceptionDetails'])
        return result['result'].get('value')

    def wait(self, condition: str):
        end = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < end, f'timed out waiting for {condition}'
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        return self.run(f'document.querySelector({json.dumps(selector)}).textContent')

    def place(self, selector: str, x=0.5, y=0.5) -> tuple[float, float]:
        """Returns the coordinates of a point of an element, given as fractions of its size."""
        left, top, width, height = self.run(
            f'(e => {{ e.scrollIntoView({{block: "nearest"}}); const r = e.getBoundingClientRect();'
            f'return [r.left, r.top, r.width, r.height]; }})'
            f'(document.querySelector({json.dumps(selector)}))'
        )
        return left + x * width, top + y * height

    def click(self, selector: str, x=0.5, y=0.5):
        self.drag(self.place(selector, x, y))

    def drag(self, *points):
        """Presses the mouse at the first point, moves to the others, releases it."""
        mouse = {'button': 'left', 'clickCount': 1}
        for kind, (x, y) in [('mouseMoved', points[0]), ('mousePressed', points[0]),
                             *(('mouseMoved', point) for point in points[1:]),
                             ('mouseReleased', points[-1])]:
            held = {'buttons': 1} if kind == 'mouseMoved' and len(points) > 1 else {}
            self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **mouse | held)

    def point(self, x: float, y: float):
        self.call('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)

    def key(self, key: str, *, shift=False):
        text = {'text': key} if len(key) == 1 else {}
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, modifiers=8 * shift,
                      **(text if kind == 'keyDown' else {}))

    def picture(self, path: Path | None = None, clip=None) -> bytes:
        """Returns a screenshot as PNG."""
        area = (
            {'clip': dict(zip(('x', 'y', 'width', 'height'), clip)) | {'scale': 1}} if clip else {}
        )
        shot = base64.b64decode(self.call('Page.captureScreenshot', format='png', **area)['data'])
        if path:
            path.write_bytes(shot)
        return shot

    def busy(self) -> float:
        """Returns the processor time of the page's main thread in seconds."""
        metrics = self.call('Performance.getMetrics')['metrics']
        return next(m['value'] for m in metrics if m['name'] == 'TaskDuration')

    def troubles(self) -> list:
        """Returns errors, warnings, and requests to anything but files and data URLs."""
        found = []
        for event in self._browser.events:
            if event.get('sessionId') != self._session:
                continue
            received, method = event.get('params', {}), event.get('method')
            if method == 'Runtime.exceptionThrown':
                found.append(received['exceptionDetails'])
            elif method == 'Runtime.consoleAPICalled' and received['type'] in ('error', 'warning'):
                found.append(received['args'])
            elif method == 'Log.entryAdded' and received['entry']['level'] in ('error', 'warning'):
                found.append(received['entry'])
            elif method == 'Network.requestWillBeSent':
                address = received['request']['url']
                if not address.startswith(('file:', 'data:', 'blob:')):
                    found.append(address)
        return found

    def close(self):
        self._browser.call('Target.closeTarget', targetId=self._target)
