"""Writes an event file with TensorBoard's own messages, record writer and checksums, as the report tests compare it.

    python Tools/oracles/event_vectors.py Tests/UnrollReportsTests/Oracles

Needs tensorboard (made with tensorboard 2.21.0). Times and numbers are exact in binary, so that the file of another
writer has the same bytes if it says the same.
"""

import pathlib
import sys

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.text import metadata
from tensorboard.summary.writer.record_writer import RecordWriter

TIME = 1_760_000_000.25


def scalars(step, values):
    return event_pb2.Event(wall_time=TIME + step, step=step, summary=summary_pb2.Summary(value=[
        summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values]))


def text(step, tag, content):
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME)
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[content.encode()])
    return event_pb2.Event(wall_time=TIME + step, step=step, summary=summary_pb2.Summary(value=[
        summary_pb2.Summary.Value(
            tag=tag, tensor=tensor, metadata=summary_pb2.SummaryMetadata(plugin_data=plugin))]))


events = [
    event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
    text(0, "configuration", "| setting | value |\n|---|---|\n"),
    scalars(1, [("perplexity/training", 12.5), ("loss/training", 0.0)]),
    scalars(200, [("perplexity/training", 3e38), ("gradient_norm", -0.1)]),
    event_pb2.Event(
        wall_time=TIME, step=201, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    text(3_000_000_000, "sample", "    Zeit läuft — 时间 " + "x" * 200),
]
with open(pathlib.Path(sys.argv[1]) / "tensorboard.tfevents", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
