"""The Airflow DAG `republish_quarantine`, for all pipelines that have a quarantine."""

from pathlib import Path

from airflow.sdk import DAG, Param

from infra.orchestration import tasks
from infra.orchestration.dag_arguments import RUN_TIMEOUT, START, TASK_DEFAULTS
from infra.pipeline import load_valid_pipelines

ROOT = Path(__file__).resolve().parent.parent / "flink_jobs"
DOC = """### Republish quarantined records
Send the quarantined records that the filter selects back to their source topic, each once and with its original
timestamp. A record that is still invalid returns to the quarantine with one more attempt.

Filter and mapping are JMESPath expressions (https://jmespath.org) over a quarantined record: `source_topic`,
`source_partition`, `source_offset`, `reason`, `invalid_elements` (their number, null if the whole record is invalid),
`elements` (the first 100 of them, with `position` and `reason`), `attempts`, and `key` and `value` (JSON if they are
JSON, else text).
"""

with DAG(
    dag_id="republish_quarantine",
    schedule=None,
    start_date=START,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    description="Send quarantined records back to the topics that they came from.",
    doc_md=DOC,
    tags=["quarantine"],
    dagrun_timeout=RUN_TIMEOUT,
    default_args={**TASK_DEFAULTS, "owner": "data-platform"},
    params={
        "pipeline": Param(
            type="string",
            enum=[pipeline.name for pipeline in load_valid_pipelines(ROOT) if pipeline.quarantine],
            title="Pipeline",
            description="The pipeline whose quarantine is read.",
        ),
        "filter": Param(
            None,
            type=["null", "string"],
            title="Filter",
            description="JMESPath over a quarantined record, such as reason == 'data is not a list'. Empty: all.",
        ),
        "mapping": Param(
            None,
            type=["null", "string"],
            title="Mapping",
            description="JMESPath that returns the new value, such as {type: value.type, data: [value.data]}. "
            "Empty: the original record.",
        ),
    },
):
    tasks.republish_quarantine(str(ROOT))
