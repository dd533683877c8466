"""Nothing phones home: OpenVINO's usage statistics are off, and loading a model forks no process."""

import subprocess
import sys

PROGRAM = """
import os
forks = []
os.register_at_fork(before=lambda: forks.append(1))
import numpy as np
import onnx
from onnx import TensorProto, helper
from compoundeye.models._openvino import OpenVINO

shape = ["N", 3]
node = helper.make_node("Relu", ["x"], ["y"])
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
graph = helper.make_graph([node], "g", [value("x")], [value("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
OpenVINO(model.SerializeToString(), "fp32", 1)
import threading, time
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(5)
print(len(forks))
"""


def test_reading_a_network_forks_no_process_and_reports_to_nobody() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
