"""A tracking server for MLflow's own REST client: the part of the protocol that Thaw uses, kept in SQLite by MLflow's own store."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.protos import service_pb2
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.proto_json_utils import message_to_json


class TrackingServer(ThreadingHTTPServer):
    """Serves a folder on a free port."""

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = SqlAlchemyStore(f"sqlite:///{folder / 'server.db'}", (folder / "artifacts").as_uri())
        self.uri = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers ``/api/2.0/mlflow/...``."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer({k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()})

    def do_POST(self) -> None:
        """Take something."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    do_PATCH = do_POST

    def _answer(self, asked: dict) -> None:
        from mlflow.exceptions import MlflowException

        what = re.sub(r"\W", "_", urlsplit(self.path).path.rpartition("/mlflow/")[2])
        try:
            status, text = 200, message_to_json(getattr(self, what)(asked))
        except MlflowException as error:
            status, text = error.get_http_status_code(), error.serialize_as_json()
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def store(self) -> SqlAlchemyStore:
        """Where everything is."""
        return self.server.store  # type: ignore[attr-defined]

    def experiments_get_by_name(self, asked: dict):
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

        found = self.store.get_experiment_by_name(asked["experiment_name"])
        if found is None:
            raise MlflowException("no such experiment", error_code=RESOURCE_DOES_NOT_EXIST)
        return service_pb2.GetExperimentByName.Response(experiment=found.to_proto())

    def experiments_create(self, asked: dict):
        made = self.store.create_experiment(asked["name"], artifact_location=asked.get("artifact_location"))
        return service_pb2.CreateExperiment.Response(experiment_id=made)

    def experiments_search(self, _asked: dict):
        found = self.store.search_experiments(max_results=1)
        return service_pb2.SearchExperiments.Response(experiments=[e.to_proto() for e in found])

    def runs_create(self, asked: dict):
        tags = [RunTag(t["key"], t["value"]) for t in asked.get("tags", [])]
        made = self.store.create_run(
            asked["experiment_id"], "tests", int(asked["start_time"]), tags, asked.get("run_name")
        )
        return service_pb2.CreateRun.Response(run=made.to_proto())

    def runs_get(self, asked: dict):
        return service_pb2.GetRun.Response(run=self.store.get_run(asked["run_id"]).to_proto())

    def runs_log_batch(self, asked: dict):
        self.store.log_batch(
            asked["run_id"],
            [
                Metric(m["key"], float(m["value"]), int(m["timestamp"]), int(m.get("step", 0)))
                for m in asked.get("metrics", [])
            ],
            [Param(p["key"], p["value"]) for p in asked.get("params", [])],
            [RunTag(t["key"], t["value"]) for t in asked.get("tags", [])],
        )
        return service_pb2.LogBatch.Response()

    def runs_update(self, asked: dict):
        from mlflow.entities import RunStatus

        status = asked.get("status")
        info = self.store.update_run_info(
            asked["run_id"],
            RunStatus.from_string(status) if isinstance(status, str) else status,
            int(asked["end_time"]) if asked.get("end_time") else None,
            asked.get("run_name"),
        )
        return service_pb2.UpdateRun.Response(run_info=info.to_proto())

    def runs_search(self, asked: dict):
        found = self.store.search_runs(
            asked["experiment_ids"], asked.get("filter", ""), ViewType.ACTIVE_ONLY, int(asked.get("max_results", 100)),
            asked.get("order_by", []), asked.get("page_token"),
        )  # fmt: skip
        return service_pb2.SearchRuns.Response(runs=[r.to_proto() for r in found])

    def metrics_get_history(self, asked: dict):
        found = self.store.get_metric_history(asked["run_id"], asked["metric_key"])
        return service_pb2.GetMetricHistory.Response(metrics=[m.to_proto() for m in found])
