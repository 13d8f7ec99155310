"""`holdfast report`."""

from pathlib import Path

import click

from holdfast.cli.following import print_summary
from holdfast.cli.workspace import RunName, current_workspace
from holdfast.errors import ExitCode, MeasurementError, Problem, shown
from holdfast.process import REFUSALS
from holdfast.report import write_reports
from holdfast.run.folder import open_run_folder
from holdfast.run.judgement import judge_run
from holdfast.run.summary import FILE_NAME, read_summary, write_summary


@click.command()
@click.argument("run_folder", type=RunName(), default=Path("last"))
@click.option("--judge-again", is_flag=True, help="Compute the summary anew from the record.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def report(run_folder: Path, judge_again: bool, as_json: bool) -> int:
    """Render a recorded run again: RUN_FOLDER is a path, a name under runs/, or `last`.

    A run that was killed is judged from what it recorded. Exit 0; the verdict is in the report. Exit 3 when the reports
    could not be written into the run folder.
    """
    runs = current_workspace().runs_folder if not (run_folder / "run.json").is_file() else run_folder.parent
    folder = open_run_folder(run_folder, runs)
    if judge_again or not (folder.path / FILE_NAME).is_file():
        summary = judge_run(folder)
        is_new = True
    else:
        summary = read_summary(folder.path)
        is_new = False
    print_summary(summary, as_json=as_json)
    try:
        if is_new:
            write_summary(summary, folder.path)
        for path in write_reports(summary, folder.path):
            click.echo(str(path), err=True)
    except OSError as error:
        what = f"the reports could not be written: {error.strerror}"
        raise MeasurementError(Problem(shown(folder.path), what, REFUSALS.get(error.errno or 0, ""))) from None
    return int(ExitCode.MET)
