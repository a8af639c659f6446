"""`passerby evaluate`: known photographs through a real runtime, and one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge.errors import BadInput, PasserbyError, UnknownModel, UsageError
from edge.schemas.taxonomy import ADS_8
from tests.training.evaluation.attributes.brightness import NETWORK, grey, install_brightness
from tests.training.sets import jpeg, write_adience, write_files, write_lines, write_tar
from training.evaluation.command import app

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_brightness(tmp_path_factory.mktemp("models"))


def evaluate(models: Path, *words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"PASSERBY_MODELS": str(models)})


def refused(result: Result, kind: type[PasserbyError]) -> str:
    assert isinstance(result.exception, kind), result.exception
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.fixture
def chips(tmp_path: Path) -> Path:
    """Four chips: brightness 38, 38, 80 and 10 per cent, of people of 34, 41, 80 and 20 years."""
    levels = {"a.jpg": 38, "b.jpg": 38, "c.jpg": 80, "d.jpg": 10}
    write_lines(
        tmp_path / "chips.csv",
        ["path,age,gender,group", "a.jpg,34,M,x", "b.jpg,41,F,x", "c.jpg,80,F,y", "d.jpg,20,M,y"],
    )
    return write_tar(tmp_path / "chips.tar", {name: jpeg(grey(level), 100) for name, level in levels.items()})


def attributes(models: Path, chips: Path, *more: str | Path) -> Result:
    labels = chips.with_suffix(".csv")
    return evaluate(
        models, "attributes", "--images", chips, "--labels", labels, "--network", NETWORK, "--aligned", *more
    )


def test_measures_what_the_network_says_of_known_chips(models: Path, chips: Path) -> None:
    done = attributes(models, chips, "--json", "--draws", "50")
    assert done.exit_code == 0, done.exception
    (result,) = json.loads(done.stdout)["results"]
    assert (result["data_set"], result["model_set"], result["target"]) == ("chips", NETWORK, "openvino:CPU")
    assert (result["photographs"], result["unreadable"], result["without_face"]) == (4, 0, 0)
    slices = {each["name"]: each["measures"] for each in result["slices"]}
    assert slices["all"]["mae_years"]["value"] == pytest.approx((4 + 3 + 0 + 10) / 4, abs=0.5)
    assert slices["all"]["bias_years"]["value"] == pytest.approx((4 - 3 + 0 - 10) / 4, abs=0.5)
    assert slices["all"]["cs5"]["value"] == 0.75
    assert slices["all"]["gender_accuracy"]["value"] == 0.75
    assert slices["all"]["gender_coverage"]["value"] == 0.5
    assert slices["all"]["gender_answered_accuracy"]["value"] == 1
    assert slices["18-75 years"]["mae_years"]["photographs"] == 3
    assert slices["y"]["mae_years"]["value"] == pytest.approx(5, abs=0.5)
    assert slices["all"]["ads-8_accuracy"]["value"] == 0.5
    labels = [bracket.label for bracket in ADS_8.brackets]
    assert result["confusion"]["ads-8"]["labels"] == labels
    assert result["confusion"]["ads-8"]["counts"][labels.index("18-24")][labels.index("0-12")] == 1
    assert result["confusion"]["gender"]["counts"] == [[1, 1], [0, 2]]


def test_several_sets_and_networks_stand_side_by_side(models: Path, chips: Path, tmp_path: Path) -> None:
    again = write_tar(tmp_path / "again.tar", {"a.jpg": jpeg(grey(50), 100)})
    labels = write_lines(tmp_path / "again.csv", ["path,age", "a.jpg,50"])
    more = ("--images", again, "--labels", labels, "--network", NETWORK, "--draws", "20")
    done = attributes(models, chips, *more)
    assert done.exit_code == 0, done.exception
    heads = [line for line in done.stdout.splitlines() if line.strip().startswith("all: ")]
    assert [re.findall("[0-9]+ photographs|brightness", line) for line in heads] == [
        ["4 photographs", "brightness", "brightness"], ["1 photographs", "brightness", "brightness"],
    ]  # fmt: skip


def test_the_page_is_whole_and_loads_nothing(models: Path, chips: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = attributes(models, chips, "--html", page, "--draws", "20")
    assert done.exit_code == 0, done.exception
    text = page.read_text("utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', text)
    assert len(sources) == 6
    assert set(sources) == {"data:image/png;base64,"}
    assert "http" not in text
    assert "<script" not in text
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob(".*"))


def test_damaged_and_missing_pictures_are_counted(models: Path, tmp_path: Path) -> None:
    files = {f"{index}.jpg": jpeg(grey(40)) for index in range(4)} | {"bad.jpg": jpeg(grey(40))[:200]}
    tar = write_tar(tmp_path / "some.tar", files)
    rows = [f"{name},40" for name in [*files, "gone.jpg"]]
    write_lines(tmp_path / "some.csv", ["path,age", *rows])
    done = attributes(models, tar, "--json", "--draws", "20")
    found = json.loads(done.stdout)
    assert [found["results"][0][key] for key in ("photographs", "unreadable")] == [4, 1]
    assert len(found["warnings"]) == 2
    assert "1 left out, picture is missing (such as gone.jpg)" in found["warnings"][0]
    assert "pictures skipped, got 1 of 5" in found["warnings"][1]
    assert [f"passerby: {line}" for line in found["warnings"]] == done.stderr.splitlines()


def test_labels_are_found_from_the_form_of_the_set(models: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "utk", {"50_1_0_1.jpg": jpeg(grey(50)), "40_0_1_1.jpg": jpeg(grey(40))})
    words = ("attributes", "--images", folder, "--network", NETWORK, "--aligned", "--json", "--draws", "20")
    done = evaluate(models, *words)
    (result,) = json.loads(done.stdout)["results"]
    assert result["slices"][0]["measures"]["mae_years"]["value"] == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["--network", "brightness"], UsageError, "a network alone takes aligned pictures"),
        (["--model-set", "nobest"], UnknownModel, "nobest"),
        (["--network", "brightnes", "--aligned"], UnknownModel, "brightnes"),
        (["--aligned", "--ages", "old"], UsageError, "not a span of ages"),
        (["--aligned", "--html", "/gone/page.html"], UsageError, "--html: no such folder, got /gone"),
        (["--aligned", "--target", "toaster:CPU"], PasserbyError, "toaster"),
        (["--images", "/gone"], UsageError, "images and labels go in pairs, got 2 --images and 1 --labels"),
    ],
)
def test_wrong_words_are_refused_before_any_work(
    models: Path, chips: Path, words: list[str], kind: type[PasserbyError], said: str
) -> None:
    done = evaluate(models, "attributes", "--images", chips, "--labels", chips.with_suffix(".csv"), *words)
    assert said in refused(done, kind)
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["attributes", "--network", NETWORK, "--aligned", "--images", "chips.tar", "--images", "more/chips.tar"],
        ["detection", "--photographs", "chips.tar", "--photographs", "more/chips.tar"],
        ["detection", "--boxes", "boxes/chips.tar", "--boxes", "more/chips.tar"],
        ["pose", "--photographs", "chips.tar", "--photographs", "more/chips.tar"],
        ["gate", "--boxes", "boxes/chips.tar", "--boxes", "more/chips.tar"],
    ],
)
def test_two_sets_of_one_name_are_refused(
    models: Path, chips: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(chips.parent)
    boxed = "--boxes" in words
    for folder in ("boxes", "more"):
        write_lines(
            chips.parent / folder / "chips.csv", ["path,x,y,w,h", "a.jpg,1,1,4,4"] if boxed else ["path", "a.jpg"]
        )
        write_tar(chips.parent / folder / "chips.tar", {"a.jpg": jpeg(grey(50))})
    assert "data sets of the same name, got 2 called chips" in refused(evaluate(models, *words), UsageError)


def test_an_unwritable_page_leaves_nothing_half_made(models: Path, chips: Path, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    done = attributes(models, chips, "--html", tmp_path / "page", "--draws", "20")
    assert "cannot be written" in refused(done, UsageError)
    assert not list(tmp_path.glob(".*"))


def test_without_matplotlib_a_page_is_refused_before_the_work_and_the_rest_goes_on(models: Path, chips: Path) -> None:
    """In a process of its own, where Python is told that there is no such package."""
    program = "import sys; sys.modules['matplotlib'] = None; from edge.cli.app import main; main()"
    words = ["evaluate", "attributes", "--images", str(chips), "--network", NETWORK, "--aligned", "--draws", "10"]

    def call(*more: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PASSERBY_MODELS": str(models)}
        command = [sys.executable, "-c", program, *words, *more]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    refusal = call("--html", str(chips.with_name("page.html")))
    assert refusal.returncode == 3
    assert refusal.stderr == (
        "passerby: plots: not available: package matplotlib is missing; install passerby[training]\n"
    )
    assert refusal.stdout == ""
    assert call().returncode == 0


@pytest.mark.parametrize(
    ("bar", "met"),
    [
        ("mae_years<=4.5", True),
        ("mae_years@18-75<=4.5", False),
        ("gender_accuracy @ all, female >= 0.5", True),
        ("gender_accuracy@male>=0.99", True),
        ("ads-8_accuracy@25-34>=0.5", False),
        ("mae_years@x<=100", True),
        ("bias_years@66+>=-1", True),
        ("mae_years@18-75,female<=0.1", False),
        ("cs5@0-12>=0", False),
    ],
)
def test_bars_are_met_or_missed(models: Path, chips: Path, bar: str, met: bool) -> None:
    done = attributes(models, chips, "--draws", "10", "--require", bar)
    assert done.exit_code == (0 if met else 1), done.exception
    assert f"{'met' if met else 'MISSED'}: {bar} by brightness on chips" in done.stdout
    as_json = attributes(models, chips, "--draws", "10", "--require", bar, "--json")
    assert json.loads(as_json.stdout)["verdicts"][0]["met"] is met


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        ("mae<=4", "no such measure, got mae"),
        ("mae_years=4", "not a requirement"),
        ("mae_years@40-50<=4", "measure them with --ages 40-50"),
        ("mae_years@all,female,male<=4", "more than one gender or group"),
        ("mae_years<=4.4.4", "not a number"),
    ],
)
def test_bars_that_mean_nothing_are_refused_before_the_work(models: Path, chips: Path, bar: str, said: str) -> None:
    done = attributes(models, chips, "--require", bar)
    assert said in refused(done, UsageError)
    assert done.stdout == ""


def test_ctrl_c_ends_with_130_and_writes_nothing(models: Path, tmp_path: Path) -> None:
    """Photographs enough for some seconds; the signal comes when the progress says that it looks at them."""
    content = jpeg(grey(40))
    names = [f"{index}.jpg" for index in range(15_000)]
    tar = write_tar(tmp_path / "many.tar", dict.fromkeys(names, content))
    labels = write_lines(tmp_path / "many.csv", ["path,age", *(f"{name},40" for name in names)])
    words = ["attributes", "--images", str(tar), "--labels", str(labels), "--network", NETWORK, "--aligned"]
    page = tmp_path / "page.html"
    terminal, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "evaluate", *words, "--html", str(page)],
        env=os.environ | {"PASSERBY_MODELS": str(models)}, stdout=subprocess.PIPE, stderr=ours,
    )  # fmt: skip
    os.close(ours)
    seen = b""
    while b"brightness: many" not in seen:
        seen += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    os.close(terminal)
    assert process.stdout is not None
    assert process.stdout.read() == b""
    process.stdout.close()
    assert not page.exists()
    assert b"Traceback" not in seen


def test_calibrate_prints_what_a_manifest_takes(models: Path, tmp_path: Path) -> None:
    """Chips of 20 to 79 per cent, aged 5 more than their brightness for every other one, women where it is bright."""
    files = {f"{level}-{copy}.jpg": jpeg(grey(level), 100) for level in range(20, 80) for copy in range(2)}
    rows = []
    for index, name in enumerate(files):
        level = int(name.partition("-")[0])
        rows.append(f"{name},{level + 5 * (index % 2)},{'F' if level >= 50 else 'M'}")
    tar = write_tar(tmp_path / "val.tar", files)
    labels = write_lines(tmp_path / "val.csv", ["path,age,gender", *rows])
    words = ("calibrate", "--images", tar, "--labels", labels, "--network", NETWORK, "--aligned")
    done = evaluate(models, *words)
    assert done.exit_code == 0, done.exception
    numbers = dict(line.split(" = ") for line in done.stdout.splitlines() if " = " in line)
    assert set(numbers) == {
        "gender_temperature", "age_temperature", "min_gender_confidence", "min_age_confidence", "age_sigma_years",
        "interval_mass",
    }  # fmt: skip
    assert float(numbers["gender_temperature"]) < 0.5
    assert float(numbers["age_sigma_years"]) == 3.0
    assert json.loads(evaluate(models, *words, "--json").stdout)[NETWORK] == {
        name: float(value) for name, value in numbers.items()
    }
    few = evaluate(models, *words, "--limit", "20")
    assert "too few photographs to fit" in refused(few, BadInput)


def test_adience_wants_one_set_or_one_for_each_fold(models: Path, tmp_path: Path) -> None:
    folder = write_adience(tmp_path / "adience")
    done = evaluate(models, "adience", folder, "--model-set", "best", "--model-set", "best")
    assert "got 2, expected one, or one for each of the 5 folds" in refused(done, UsageError)
    assert "no fold_*_data.txt" in refused(evaluate(models, "adience", tmp_path), BadInput)


@pytest.mark.shared
def test_the_default_set_has_its_known_errors_on_a_part_of_utkface(models: Path, shared: Path) -> None:
    data = shared / "data"
    words = ("--images", data / "utkface-val.tar", "--labels", data / "utkface-val.csv", "--aligned", "--limit", "800")
    done = evaluate(models, "attributes", *words, "--model-set", "best", "--json", "--draws", "100")
    (result,) = json.loads(done.stdout)["results"]
    slices = {each["name"]: each["measures"] for each in result["slices"]}
    assert slices["18-75 years"]["mae_years"]["value"] == pytest.approx(5.25, abs=0.7)
    assert slices["18-75 years"]["gender_accuracy"]["value"] == pytest.approx(0.972, abs=0.03)
    assert slices["0-12 years"]["ads-8_accuracy"]["value"] > 0.85


@pytest.mark.shared
def test_photographs_go_through_detector_and_alignment_and_those_without_a_face_are_counted(
    models: Path, shared: Path, tmp_path: Path
) -> None:
    from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut

    pictures = {
        "astronaut.jpg": portrait_of_astronaut(),
        "admiral.jpg": portrait_of_admiral(),
        "wall.jpg": grey(50, 200),
    }
    tar = write_tar(tmp_path / "people.tar", {name: jpeg(image) for name, image in pictures.items()})
    labels = write_lines(
        tmp_path / "people.csv", ["path,age,gender", "astronaut.jpg,40,F", "admiral.jpg,77,", "wall.jpg,30,F"]
    )
    done = evaluate(models, "attributes", "--images", tar, "--labels", labels, "--json", "--draws", "20")
    (result,) = json.loads(done.stdout)["results"]
    assert (result["photographs"], result["without_face"]) == (3, 1)
    assert result["slices"][0]["measures"]["gender_accuracy"]["value"] == 1
    assert result["slices"][0]["measures"]["gender_accuracy"]["photographs"] == 1


@pytest.mark.shared
def test_the_five_folds_of_adience_are_measured_each_and_together(models: Path, shared: Path, tmp_path: Path) -> None:
    from tests.pictures.portraits import portrait_of_admiral, portrait_of_astronaut

    folder = write_adience(tmp_path / "adience", per_fold=2)
    for picture in sorted(folder.glob("aligned/*/*")):
        number = int(picture.name.split(".")[1])
        picture.write_bytes(jpeg(portrait_of_astronaut() if number % 2 == 0 else portrait_of_admiral()))
    damaged = write_adience(tmp_path / "damaged", per_fold=2)
    next(damaged.glob("aligned/*/*")).write_bytes(b"")
    assert "passerby: adience: pictures skipped, got 1 of 2" in evaluate(models, "adience", damaged).stderr
    done = evaluate(models, "adience", folder, "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert [(each["fold"], each["photographs"], each["without_face"]) for each in found["folds"]] == [
        (fold, 2, 0) for fold in range(5)
    ]
    assert found["over_folds"]["gender"] == {"mean": 1.0, "sd": 0.0}
    exact = [each["exact"] for each in found["folds"]]
    assert found["over_folds"]["exact"]["mean"] == pytest.approx(sum(exact) / 5)
    assert all(each["one_off"] >= each["exact"] for each in found["folds"])
    assert "mean ± sd" in evaluate(models, "adience", folder).stdout
