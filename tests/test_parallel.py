"""One seam to several processes and to a cluster: the numbers are the same however many work, and if one is lost."""

from __future__ import annotations

import os
import signal
import time

import joblib
import pandas as pd
import pytest

import ipo_nb as ipo
from ipo_nb.parallel import worked


@pytest.fixture(scope="module")
def sample():
    return ipo.load_sample("support")


@pytest.fixture(scope="module")
def serial(sample):
    return ipo.weigh_links(sample.ipo_map, sample.panel)


def doubled(value):
    time.sleep(0.2)
    return 2 * value


def test_work_comes_back_in_its_order():
    assert list(worked(doubled, [3, 1, 2], n_jobs=2)) == [6, 2, 4]


def test_no_process_at_all_is_refused_in_words(sample):
    with pytest.raises(ipo.BadOption, match="n_jobs is 0"):
        ipo.weigh_links(sample.ipo_map, sample.panel, n_jobs=0)


def test_two_processes_find_what_one_finds(sample, serial):
    together = ipo.weigh_links(sample.ipo_map, sample.panel, n_jobs=2)
    pd.testing.assert_frame_equal(together.table, serial.table, check_exact=True)


@pytest.mark.filterwarnings("ignore")  # the cluster's own, as it loses a worker
def test_a_cluster_that_loses_a_worker_finds_what_one_process_finds(sample, serial):
    """Dask through joblib's own backend: the same call, a worker killed while it works."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(silence_logs=50, **options) as cluster, distributed.Client(cluster) as client:
        assert set(client.run(preloaded)) == set(client.scheduler_info()["workers"])
        client.submit(killed_soon, os.getpid(), pure=False)
        with joblib.parallel_config(backend="dask"):
            found = ipo.weigh_links(sample.ipo_map, sample.panel, n_jobs=-1)
    pd.testing.assert_frame_equal(found.table, serial.table, check_exact=True)


def preloaded():
    return len(ipo.load_sample("support").ipo_map.links)


def killed_soon(parent):
    """Ends the worker that it runs on: once, since the task would be tried again on the next one."""
    mark = f"/tmp/ipo_nb_killed_{parent}"
    if not os.path.exists(mark):
        with open(mark, "w"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.remove(mark)
