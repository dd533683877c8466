"""Small networks: a second thread would cost them more than it brings, all the more beside other tests."""

import torch

torch.set_num_threads(1)
