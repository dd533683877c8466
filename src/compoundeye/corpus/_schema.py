"""The columns of a corpus and of its ledger."""

import pyarrow as pa

from compoundeye.records import PICTURE_ID_BYTES

FORMAT = "1"
"""Written into each corpus, so that a later version knows what it opens."""

ID = pa.binary(PICTURE_ID_BYTES)

_AS_IT_IS = {"lance-encoding:compression": "none"}
"""Encoded pictures do not get smaller; trying takes half of the time of writing them."""

PICTURES = pa.schema(
    [
        pa.field("id", ID, nullable=False),
        pa.field("image", pa.large_binary(), nullable=False, metadata=_AS_IT_IS),  # original bytes, unchanged
        pa.field("thumbnail", pa.binary(), nullable=False, metadata=_AS_IT_IS),  # JPEG, upright
        pa.field("source", pa.string(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),  # pixels, as displayed
        pa.field("height", pa.int32(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),  # Pillow's name of the stored pixels
        pa.field("orientation", pa.int8(), nullable=False),  # EXIF tag 0x0112, 1 to 8
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("taken_at", pa.timestamp("us")),  # camera's local time: EXIF has no zone
        pa.field("latitude", pa.float64()),  # degrees, north positive
        pa.field("longitude", pa.float64()),  # degrees, east positive
        pa.field("camera", pa.string()),
        pa.field("phash", pa.uint64(), nullable=False),
        pa.field("caption", pa.string()),  # text beside the picture
        pa.field("metadata", pa.string()),  # JSON beside the picture
    ],
    metadata={"compoundeye.format": FORMAT},
)

INPUTS = pa.schema(
    [
        pa.field("key", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # stored | duplicate | failed
        pa.field("id", ID),  # null where the bytes could not be read
        pa.field("reason", pa.string()),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
    ],
    metadata={"compoundeye.format": FORMAT},
)

LABELS = pa.schema(
    [
        pa.field("label", pa.string()),  # what a person said
        pa.field("label_by", pa.string()),
        pa.field("label_at", pa.timestamp("us", tz="UTC")),
    ]
)
