"""Use cases of deployments: make one, list, delete, and say which versions of definitions are seen.

    files ─► versions, each naming its deployment ─► head     ← from here on there is such a deployment
                                        head removed ─► files ← from here on there is none, nor are there its versions

Whoever is interrupted before the head has made nothing that anybody sees here. A repeat under the same key goes on
from there; one without a key makes another deployment, with versions of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from chalicelib.core.definition_documents import DefinitionInvalid
from chalicelib.core.deployments import (
    Deployment,
    DeploymentId,
    DeploymentNotFound,
    File,
    FileId,
    FileNotFound,
    MadeVersion,
    NewDeployment,
    NewProcess,
    SeenVersion,
    Traits,
    content_digest,
)
from chalicelib.core.document_fields import Defect
from chalicelib.core.errors import Conflict, Invalid
from chalicelib.core.ids import AccountId, DefinitionKey, RunId, derived_uuid
from chalicelib.core.refusals import DefinitionNotFound, KeyReused, RunNotFound, VersionNotFound
from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.core.versions import NamedVersion, PublishedAs, Version
from chalicelib.service.definitions import Definitions
from chalicelib.service.runs import RunEnded, Runs
from chalicelib.stores.deployments import DeploymentStore

MAX_VERSIONS = 1_000  # of one definition, newest first
MAX_CASCADE = 100  # runs that are deleted with a deployment; each takes about six calls
_PAGE = 200  # definitions


class ProcessInvalid(Invalid):
    """A process in a file is no definition: every defect."""

    code = "process_invalid"

    def __init__(self, file: str, defects: Sequence[Defect]) -> None:
        super().__init__(f"A process in '{file}' has {len(defects)} defect(s).", file=file)
        self.file, self.defects = file, tuple(defects)


class ProcessTwice(Invalid):
    code = "process_twice"

    def __init__(self, key: DefinitionKey) -> None:
        super().__init__(f"The deployment has the definition '{key}' twice.", definition=key)
        self.key = key


class CascadeTooLarge(Conflict):
    code = "cascade_too_large"

    def __init__(self, deployment: DeploymentId) -> None:
        super().__init__(
            f"The deployment '{deployment}' has more than {MAX_CASCADE} runs; delete some of them first.",
            deployment=deployment,
        )


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment, and the versions that this request made: none if there was nothing new in it."""

    deployment: Deployment
    versions: tuple[MadeVersion, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """How deployments and suspensions are looked up: one by one, or in what was read at once."""

    head: Callable[[DeploymentId], Deployment | None]
    is_suspended: Callable[[DefinitionKey, int], bool]


@dataclass(frozen=True, slots=True)
class Deployments:
    store: DeploymentStore
    definitions: Definitions
    runs: Runs
    now: Callable[[], int]
    new_id: Callable[[], str]

    # -- deployments

    def create(self, account: AccountId, wanted: NewDeployment, key: str | None = None) -> Deployed:
        """Deploy files, whole or not at all; under the same key again, answer what it made first.

        Raises `ProcessInvalid`, `ProcessTwice`, `KeyReused`, and `ItemTooLarge` for a file that is not kept.
        """
        new = DeploymentId(self.new_id() if key is None else derived_uuid(account, "deployment", key))
        earlier = None if key is None else self.store.load(account, new)
        if earlier is not None:
            if earlier.request != wanted.request:
                raise KeyReused
            return Deployed(earlier, earlier.versions)
        like = self._like(account, wanted)
        names = _new_files(wanted, like)
        if not names:
            return Deployed(like[0], ())
        return self._made(account, new, wanted, names)

    def list(self, account: AccountId) -> Sequence[Deployment]:
        return self.store.list(account)

    def load(self, account: AccountId, deployment: DeploymentId) -> Deployment:
        found = self.store.load(account, deployment)
        if found is None:
            raise DeploymentNotFound(deployment)
        return found

    def content(self, account: AccountId, deployment: DeploymentId, file: FileId) -> tuple[File, bytes]:
        """Answer a deployed file, and its bytes as they came."""
        found = next((it for it in self.load(account, deployment).files if it.id == file), None)
        content = None if found is None else self.store.file(account, deployment, file)
        if found is None or content is None:
            raise FileNotFound(deployment, file)
        return found, content

    def delete(self, account: AccountId, deployment: DeploymentId, *, is_cascading: bool) -> None:
        """Take a deployment and its versions away; cascading, cancel and delete their runs first.

        Without that, the runs stay as they are and go on.
        """
        found = self.store.load(account, deployment)
        if found is None:
            if not self.store.remove_files(account, deployment):
                raise DeploymentNotFound(deployment)
            return  # somebody was interrupted: this is the end of what was begun
        if is_cascading:
            self._delete_runs(account, found)
        self.store.delete(account, deployment)

    # -- versions

    def versions(self, account: AccountId, keys: Iterable[DefinitionKey] | None = None) -> Sequence[SeenVersion]:
        """List the versions of some definitions (None: of all), the newest of each first."""
        heads = {head.id: head for head in self.store.list(account)}
        suspended = self.store.suspended(account)
        view = _View(heads.get, lambda key, number: (key, number) in suspended)
        named = self._keys(account) if keys is None else keys
        return [*chain.from_iterable(self._seen(account, key, view) for key in dict.fromkeys(named))]

    def version(self, account: AccountId, key: DefinitionKey, number: int) -> SeenVersion:
        """Answer a version of a definition; raise `VersionNotFound` or `DefinitionNotFound`."""
        version = self.definitions.find(account, key, NamedVersion(number))
        published = PublishedAs(number, version.snapshot, version.at, version.origin)
        origin = None if version.origin is None else DeploymentId(version.origin)
        head, is_suspended = self.store.seen(account, origin, key, number)
        seen = self._see(account, key, published, _View(lambda _id: head, lambda *_: is_suspended))
        if seen is None:
            raise VersionNotFound(key, str(number))
        return seen

    def latest(self, account: AccountId, key: DefinitionKey) -> SeenVersion:
        """Answer the newest version of a definition that is seen; raise `DefinitionNotFound`."""
        seen = next(self._seen(account, key, self._view(account)), None)
        if seen is None:
            raise DefinitionNotFound(key)
        return seen

    def keys_like(self, account: AccountId, prefix: str) -> Sequence[DefinitionKey]:
        """List the definitions whose keys begin so, and go on."""
        return [*self._keys(account, prefix)]

    def suspend(self, account: AccountId, version: SeenVersion, *, is_suspended: bool) -> None:
        """Let no run start on a version, or let them again."""
        if is_suspended:
            self.store.suspend(account, version.definition, version.number, self.now())
        else:
            self.store.activate(account, version.definition, version.number)

    def _view(self, account: AccountId) -> _View:
        return _View(
            lambda deployment: self.store.load(account, deployment),
            lambda key, number: self.store.is_suspended(account, key, number),
        )

    def _keys(self, account: AccountId, prefix: str = "") -> Iterator[DefinitionKey]:
        after: str | None = prefix or None
        while True:
            page = self.definitions.list(account, after=after, limit=_PAGE)
            yield from (one.key for one in page if one.key.startswith(prefix))
            if len(page) < _PAGE or not page[-1].key.startswith(prefix):
                return
            after = page[-1].key

    def _seen(self, account: AccountId, key: DefinitionKey, view: _View) -> Iterator[SeenVersion]:
        for published in self.definitions.store.numbers(account, key, MAX_VERSIONS):
            seen = self._see(account, key, published, view)
            if seen is not None:
                yield seen

    def _see(self, account: AccountId, key: DefinitionKey, as_: PublishedAs, view: _View) -> SeenVersion | None:
        """Answer a version as it is seen; None if its deployment is not."""
        if as_.origin is None:
            version = self.definitions.find(account, key, NamedVersion(as_.snapshot))
            traits = Traits(version.definition.name or None)
            return SeenVersion(key, as_.number, as_.at, traits, is_suspended=view.is_suspended(key, as_.number))
        head = view.head(DeploymentId(as_.origin))
        made = head.made(key, as_.number) if head else None
        if head is None or made is None:
            return None
        is_suspended = view.is_suspended(key, as_.number)
        return SeenVersion(key, as_.number, as_.at, made.traits, head.id, head.file_of(made.file), is_suspended)

    # -- how one is made and unmade

    def _like(self, account: AccountId, wanted: NewDeployment) -> Sequence[Deployment]:
        """List the deployments with which this one's files are to be compared, newest first."""
        if not (wanted.is_filtering or wanted.is_changed_only):
            return []
        like = [earlier for earlier in self.store.list(account) if wanted.is_like(earlier)]
        return sorted(like, key=lambda earlier: (earlier.at, earlier.id), reverse=True)

    def _made(self, account: AccountId, new: DeploymentId, wanted: NewDeployment, names: Sequence[str]) -> Deployed:
        processes = [process for process in wanted.processes if process.file in names]
        self._check(processes)
        packed = {name: self.store.packed(wanted.files[name]) for name in names}
        files = {
            name: File(FileId(derived_uuid(new, name)), name, content_digest(wanted.files[name])) for name in names
        }
        at = self.now()
        for name, file in files.items():
            self.store.save_file(account, new, file.id, packed[name], at)
        versions = tuple(self._publish(account, new, process) for process in processes)
        source, tenant = wanted.source, wanted.tenant
        made = Deployment(new, wanted.name, source, tenant, at, tuple(files.values()), versions, wanted.request)
        self.store.save(account, made)
        return Deployed(made, versions)

    def _check(self, processes: Iterable[NewProcess]) -> None:
        known: set[DefinitionKey] = set()
        for process in processes:
            if process.definition in known:
                raise ProcessTwice(process.definition)
            known.add(process.definition)
            try:
                self.definitions.check(process.document)
            except DefinitionInvalid as error:
                raise ProcessInvalid(process.file, error.defects) from error

    def _publish(self, account: AccountId, new: DeploymentId, process: NewProcess) -> MadeVersion:
        version: Version = self.definitions.deploy(account, process.definition, process.document, origin=new)
        assert version.number is not None
        return MadeVersion(process.definition, version.number, process.file, process.traits)

    def _delete_runs(self, account: AccountId, deployment: Deployment) -> None:
        """Cancel and delete the runs of a deployment's versions; refuse before the first if there are too many."""
        runs = [run for made in deployment.versions for run in self._runs_of(account, made)]
        if len(runs) > MAX_CASCADE:
            raise CascadeTooLarge(deployment.id)
        for run in runs:
            self._delete_run(account, run.id)

    def _runs_of(self, account: AccountId, made: MadeVersion) -> Sequence[RunSummary]:
        """List the runs of a version, or more of them than may be deleted at once."""
        filter_ = RunFilter(definition=made.definition, also=lambda run: run.version == made.number)
        found: list[RunSummary] = []
        before: str | None = None
        while len(found) <= MAX_CASCADE:
            page = self.runs.page(account, filter_, before=before, limit=MAX_CASCADE + 1)
            found += page.items
            before = page.next
            if before is None:
                break
        return found

    def _delete_run(self, account: AccountId, run_id: RunId) -> None:
        try:
            self.runs.cancel(account, run_id, "Its deployment was deleted.")
        except RunEnded:
            pass  # by itself, or before
        except RunNotFound:
            return  # somebody else has deleted it
        try:
            self.runs.delete(account, run_id)
        except RunNotFound:
            return


def _new_files(wanted: NewDeployment, like: Sequence[Deployment]) -> Sequence[str]:
    """Answer the files that are to be deployed: all, or (`is_changed_only`) those that are not as they were."""
    latest: dict[str, str] = {}
    for earlier in like:
        for file in earlier.files:
            latest.setdefault(file.name, file.digest)
    changed = [name for name, content in wanted.files.items() if latest.get(name) != content_digest(content)]
    return changed if wanted.is_changed_only or not changed else [*wanted.files]
