"""Cameras for tests: a real RTSP server that can be killed, an MJPEG server that sends what it is told, made clips."""

from __future__ import annotations

import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

UInt8 = npt.NDArray[np.uint8]
PYTHON = "/usr/bin/python3"  # Debian's, which has GStreamer's bindings
SERVER = Path(__file__).with_name("rtsp_server.py")
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def shade(index: int) -> UInt8:
    """A picture whose grey tells its number, from 0 to 49; a white square marks its upper left corner."""
    pixels = np.full((48, 64, 3), 5 * (index % 50), np.uint8)
    pixels[:16, :16] = 255
    return pixels


def number(pixels: UInt8) -> int:
    """The number that a picture of ``shade`` tells, at whatever size and after whatever compression."""
    height, width = pixels.shape[:2]
    return round(float(pixels[height // 2 :, width // 2 :].mean()) / 5)


def write_clip(
    path: Path,
    pictures: list[UInt8],
    *,
    rate: int = 25,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    prepare: Callable[[Any], None] | None = None,
) -> Path:
    """A clip of these pictures, [height, width, 3] RGB; ``times`` in thousandths of a second where they vary."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=1000 if times else rate, options={"g": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        if codec == "mpeg4":
            stream.codec_context.bit_rate = 4_000_000
        if prepare is not None:
            prepare(stream)
        for at, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = times[at] if times else at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class RtspCamera:
    """GStreamer's RTSP server in a process of its own, which can be killed and started again at the same address."""

    def __init__(self, recording: Path) -> None:
        self._recording = recording
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"rtsp://127.0.0.1:{self._port}/camera"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once it listens."""
        command = [PYTHON, str(SERVER), str(self._recording), str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def kill(self) -> None:
        """As a camera dies whose power is cut."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def rtsp_camera(recording: Path) -> Iterator[RtspCamera]:
    """A running one; skips the test where GStreamer's server is not installed."""
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", BINDINGS], capture_output=True).returncode:
        pytest.skip("no GStreamer RTSP server: install gir1.2-gst-rtsp-server-1.0 and python3-gi")
    camera = RtspCamera(recording)
    camera.start()
    try:
        yield camera
    finally:
        camera.kill()


class MjpegCamera:
    """An HTTP server that sends a JPEG to each visitor when it is told to; one visitor at a time."""

    def __init__(self) -> None:
        camera = self
        self._out: queue.Queue[bytes | None] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with suppress(ConnectionError):  # the visitor left
                    while (picture := camera._out.get()) is not None:
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                        self.wfile.flush()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://someone:secret@127.0.0.1:{self._server.server_port}/video?key=secret"

    def send(self, pixels: UInt8) -> None:
        """One picture, RGB."""
        done, data = cv2.imencode(".jpg", pixels[..., ::-1])
        assert done
        self._out.put(data.tobytes())

    def hang_up(self) -> None:
        """End the visit."""
        self._out.put(None)

    def stop(self) -> None:
        """No more visits."""
        self._out.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def mjpeg_camera() -> Iterator[MjpegCamera]:
    """A running one."""
    camera = MjpegCamera()
    try:
        yield camera
    finally:
        camera.stop()
