"""Pictures in motion: sources, decoding, live or lossless, tracking, and the pipeline that apps run in.

Guarantee: every result carries its stream, presentation time, capture time and the count of frames dropped so far;
files lose no frame, live streams never fall behind. Cost: one decode, and one pass to the size that is looked at.
Limit: what FFmpeg reads; pixels that are not square, and fields that are interlaced, are shown as they are.
"""

from compoundeye.video._app import App, Application, Box, Canvas, Colour, Look, Outcome, Point, Stream
from compoundeye.video._clips import Clips
from compoundeye.video._detector_look import DetectorSettings, detector_look
from compoundeye.video._image import ArrayImage, DecodedImage
from compoundeye.video._live_folder import LiveFolder
from compoundeye.video._live_view import LiveView, ask_to_stop, asked_to_stop, read_states, read_view, running
from compoundeye.video._mot import MotBoxes, read_mot, write_mot
from compoundeye.video._mot import detections as mot_detections
from compoundeye.video._mot import truth_of as mot_truth
from compoundeye.video._privacy import HOW, How, hide
from compoundeye.video._settings import Section, checked, merged, resolved
from compoundeye.video._site import Site, SiteOf, read_site, site_of
from compoundeye.video._site_file import SiteFile
from compoundeye.video._snapshots import Snapshots
from compoundeye.video._source import Source, open_source
from compoundeye.video._status import SourceStatus
from compoundeye.video._stream_run import Media, Seen, Viewer
from compoundeye.video._tracker import TRACKERS, Tracker, TrackerKind, tracker
from compoundeye.video._video_files import VideoFiles
from compoundeye.video._watch import Watched, watch
from compoundeye.video._window import Windows

__all__ = [
    "HOW",
    "TRACKERS",
    "App",
    "Application",
    "ArrayImage",
    "Box",
    "Canvas",
    "Clips",
    "Colour",
    "DecodedImage",
    "DetectorSettings",
    "How",
    "LiveFolder",
    "LiveView",
    "Look",
    "Media",
    "MotBoxes",
    "Outcome",
    "Point",
    "Section",
    "Seen",
    "Site",
    "SiteFile",
    "SiteOf",
    "Snapshots",
    "Source",
    "SourceStatus",
    "Stream",
    "Tracker",
    "TrackerKind",
    "VideoFiles",
    "Viewer",
    "Watched",
    "Windows",
    "ask_to_stop",
    "asked_to_stop",
    "checked",
    "detector_look",
    "hide",
    "merged",
    "mot_detections",
    "mot_truth",
    "open_source",
    "read_mot",
    "read_site",
    "read_states",
    "read_view",
    "resolved",
    "running",
    "site_of",
    "tracker",
    "watch",
    "write_mot",
]
