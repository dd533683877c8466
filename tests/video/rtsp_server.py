"""A real RTSP server: GStreamer's, which plays an H.264 recording to whoever asks, from its beginning.

    /usr/bin/python3 tests/video/rtsp_server.py RECORDING.mp4 PORT

Debian's Python runs it, which has GStreamer's bindings (gir1.2-gst-rtsp-server-1.0, python3-gi). It says "ready" once
it listens. It belongs to the tests as a program: no test imports it.
"""

import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402


def main() -> None:
    recording, port = sys.argv[1:3]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    camera = GstRtspServer.RTSPMediaFactory()
    camera.set_launch(
        f'( filesrc location="{recording}" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 )'
    )
    server.get_mount_points().add_factory("/camera", camera)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
