"""What a team does with Camunda's two clients for Python, told as lines of JSON. Runs in a process of its own.

python camunda_story.py CLIENT ENGINE_REST KEY BPMN_FILE
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 30.0
Told = Iterator[tuple[str, Any]]


def until(look: Callable[[], Any], expected: Any) -> Any:
    end = time.monotonic() + PATIENCE_S
    while (seen := look()) != expected:
        if time.monotonic() > end:
            raise AssertionError(f"still {seen!r}, expected {expected!r}")
        time.sleep(0.05)
    return seen


def generic(url: str, key: str, bpmn: str) -> Told:
    """Deploy, start, delete, restart together and as a batch, watch it, look at history, delete all at the end."""
    import generic_camunda_client as camunda

    configuration = camunda.Configuration(host=url, username="anybody", password=key)
    client = camunda.ApiClient(configuration)
    client.set_default_header("Authorization", configuration.get_basic_auth_token())
    definitions, instances = camunda.ProcessDefinitionApi(client), camunda.ProcessInstanceApi(client)
    batches, jobs, incidents = camunda.BatchApi(client), camunda.JobApi(client), camunda.IncidentApi(client)

    deployment = camunda.DeploymentApi(client).create_deployment(deployment_name="story", data=bpmn)
    [definition] = deployment.deployed_process_definitions.values()
    yield "definition", [definition.key, definition.version, definition.suspended]
    start = camunda.StartProcessInstanceDto(business_key="b-1", variables={"n": camunda.VariableValueDto(value=7)})
    made = [definitions.start_process_instance_by_key("review", start_process_instance_dto=start) for _ in range(6)]
    sources = [instance.id for instance in made]
    for source in sources:
        instances.delete_process_instance(source)
    before = camunda.RestartProcessInstanceModificationInstructionDto(type="startBeforeActivity", activity_id="decide")
    wish = camunda.RestartProcessInstanceDto(process_instance_ids=sources[:2], instructions=[before])
    yield "together", definitions.restart_process_instance(definition.id, restart_process_instance_dto=wish)
    wish.process_instance_ids = [*sources[2:], "00000000-0000-4000-8000-0000000000ff"]
    batch = definitions.restart_process_instance_async_operation(definition.id, restart_process_instance_dto=wish)
    yield "batch", [batch.type, batch.total_jobs, batch.jobs_created]
    until(lambda: _failed(batches, batch.id), [1, 4, 1])
    yield (
        "batches",
        [batches.get_batches_count(type="instance-restart").count, batches.get_batch(batch.id).id == batch.id],
    )
    [incident] = incidents.get_incidents(job_definition_id_in=batch.batch_job_definition_id)
    yield "incident", [incident.incident_type, incident.incident_message]
    [job] = jobs.get_jobs(job_definition_id=batch.batch_job_definition_id)
    yield "job", [job.retries, job.exception_message == incident.incident_message]
    batches.update_batch_suspension_state(batch.id, suspension_state_dto=camunda.SuspensionStateDto(suspended=True))
    yield "suspended", [one.id == batch.id for one in batches.get_batches(suspended=True)]
    batches.delete_batch(batch.id, cascade=True)
    yield "left", batches.get_batches_count().count
    yield from _looked(client, definition, before)
    yield from _held(client)
    yield from _deleted(client)


def _looked(client: Any, definition: Any, before: Any) -> Told:
    """Look at what history, tasks and trees tell, and be refused a restart of what goes on."""
    import generic_camunda_client as camunda

    definitions, instances = camunda.ProcessDefinitionApi(client), camunda.ProcessInstanceApi(client)
    history, tasks = camunda.HistoricProcessInstanceApi(client), camunda.TaskApi(client)
    ended = history.get_historic_process_instances(externally_terminated=True, process_definition_key="review")
    active = history.get_historic_process_instances(active=True, process_instance_business_key="b-1")
    yield "history", [len(ended), len(active)]
    waiting = tasks.get_tasks(process_definition_key="review", sort_by="created", sort_order="asc")
    yield "tasks", sorted({task.task_definition_key for task in waiting})
    tree = instances.get_activity_instance_tree(active[0].id)
    yield "tree", [child.activity_id for child in tree.child_activity_instances]
    try:
        definitions.restart_process_instance(
            definition.id, restart_process_instance_dto=_of_running(camunda, active[0].id, before)
        )
    except camunda.ApiException as error:
        yield "refused", [error.status, json.loads(error.body)["message"][:12]]


def _held(client: Any) -> Told:
    """Suspend an instance, change its variables meanwhile, and activate it again."""
    import generic_camunda_client as camunda

    instances = camunda.ProcessInstanceApi(client)
    [held, *_] = instances.get_process_instances(process_definition_key="review")
    instances.update_suspension_state_by_id(held.id, suspension_state_dto=camunda.SuspensionStateDto(suspended=True))
    yield "held", [one.id == held.id for one in instances.get_process_instances(suspended=True)]
    instances.set_process_instance_variable(held.id, "n", variable_value_dto=camunda.VariableValueDto(value=8))
    changes = camunda.PatchVariablesDto(modifications={"m": camunda.VariableValueDto(value="x")}, deletions=["none"])
    instances.modify_process_instance_variables(held.id, patch_variables_dto=changes)
    told = instances.get_process_instance_variables(held.id)
    yield "variables", [told["n"].value, told["m"].value]
    instances.update_suspension_state_by_id(held.id, suspension_state_dto=camunda.SuspensionStateDto(suspended=False))
    yield "active", instances.get_process_instance(held.id).suspended


def _deleted(client: Any) -> Told:
    """Delete what goes on as a batch, and read in the job log that each was."""
    import generic_camunda_client as camunda

    instances, batches = camunda.ProcessInstanceApi(client), camunda.BatchApi(client)
    query = camunda.ProcessInstanceQueryDto(process_definition_key="review")
    wish = camunda.DeleteProcessInstancesDto(process_instance_query=query, delete_reason="the story is over")
    batch = instances.delete_process_instances_async_operation(delete_process_instances_dto=wish)
    yield "deletion", [batch.type, batch.total_jobs]
    until(lambda: batches.get_batches_count().count, 0)
    yield "alive", instances.get_process_instances_count(process_definition_key="review").count
    log = camunda.HistoricJobLogApi(client)
    done = log.get_historic_job_logs(job_definition_id=batch.batch_job_definition_id, success_log=True)
    yield "log", [len(done), {one.job_definition_type for one in done} == {"instance-deletion"}]


def _of_running(camunda: Any, instance: str, instruction: Any) -> Any:
    return camunda.RestartProcessInstanceDto(process_instance_ids=[instance], instructions=[instruction])


def _failed(batches: Any, batch: str) -> list[int]:
    [told] = batches.get_batch_statistics(batch_id=batch)
    return [told.remaining_jobs, told.completed_jobs, told.failed_jobs]


def pycamunda_(url: str, key: str, bpmn: str) -> Told:
    """Do the same as far as pycamunda goes; it always sends the empty query, which means every instance."""
    import pycamunda.base
    import pycamunda.batch
    import pycamunda.deployment
    import pycamunda.processdef
    import pycamunda.processinst
    import pycamunda.task

    def done(request: Any) -> Any:
        request.auth = ("anybody", key)
        return request()

    create = pycamunda.deployment.Create(url, name="story", source="test")
    with Path(bpmn).open("rb") as file:
        create.add_resource(file)
        yield "deployment", done(create).name
    [definition] = done(pycamunda.processdef.GetList(url, key="review", latest_version=True))
    started = []
    for _ in range(3):
        start = pycamunda.processdef.StartInstance(url, id_=definition.id_)
        start.add_variable(name="n", value=7)
        started.append(done(start).id_)
    for instance in started:
        done(pycamunda.processinst.Delete(url, id_=instance))
    restart = pycamunda.processdef.RestartProcessInstance(
        url, id_=definition.id_, process_instance_ids=started, async_=True
    )
    restart.add_before_activity_instruction(id_="decide")
    batch = done(restart)
    yield "batch", [batch.type_, batch.total_jobs]
    until(lambda: len(done(pycamunda.batch.GetList(url))), 0)
    tasks = done(pycamunda.task.GetList(url, process_definition_key="review"))
    yield "tasks", len(tasks)
    complete = pycamunda.task.Complete(url, id_=tasks[0].id_)
    complete.add_variable(name="ok", value=True)
    done(complete)
    until(lambda: len(done(pycamunda.task.GetList(url, process_definition_key="review"))), 2)
    try:
        done(pycamunda.processdef.Get(url, id_="nobody"))
    except pycamunda.PyCamundaException as error:
        yield "refused", type(error).__name__


if __name__ == "__main__":
    client, *rest = sys.argv[1:]
    told = dict((generic if client == "generic" else pycamunda_)(*rest))
    print(json.dumps(told, default=str))
