import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
from image_folders import make

from py_djl_resnet._java import jars
from py_djl_resnet.datasets import bundled_data
from py_djl_resnet.recipe import bundled_text

ROOT = Path(__file__).parent.parent


def block(language, page="README.md"):
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return text


def run_python(page, folder):
    """Runs a page's Python example, which draws a run, and returns what it prints."""
    ran = subprocess.run([sys.executable, "-c", block("python", page)], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (folder / "runs/small/metrics.svg").is_file()
    return ran.stdout


def test_python_example_runs(tmp_path):
    run_python("README.md", tmp_path)
    assert (tmp_path / "runs/small/best.safetensors").is_file()


def test_lines_for_a_folder_of_images_run(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "photos", ("",), count=5)
    shutil.copy(tmp_path / "photos" / "cat" / "000.png", "new.jpg")
    lines = re.findall(r"^python -m py_djl_resnet (.*photos.*)$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert [line.split()[0] for line in lines] == ["datasets", "train", "predict"]
    for line in lines:
        few = " --epochs 1 --image-size 32" if line.startswith("train") else ""
        code, _, err = command(*shlex.split(line + few))
        assert code == 0, f"{line}\n{err}"
    assert (tmp_path / "photos.png").is_file()


def test_python_example_of_getting_started_runs(tmp_path):
    assert "trainable parameters" in run_python("docs/getting-started.md", tmp_path)


MXNET = """\
class Mxnet {
    public static void main(String[] args) {
        var recipe = org.djlresnet.recipe.Recipe.builder().optEngine("mxnet").build();
        try {
            org.djlresnet.training.TrainingRun.prepare(recipe, java.nio.file.Path.of("data"), null);
        } catch (org.djlresnet.UserException missing) {
            System.out.println(missing.getMessage());
        }
        System.out.println(System.getProperty("OPT_OUT_TRACKING"));
    }
}
"""
CONSUMER = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>consumer</groupId>
  <artifactId>consumer</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.release>17</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>org.djlresnet</groupId>
      <artifactId>py-djl-resnet</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>
      <plugin><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version></plugin>
    </plugins>
  </build>
</project>
"""


def linked_repository(folder, jar, version):
    """Make a local Maven repository of our jar and links to this machine's artifacts, which it leaves unchanged."""
    ours = folder / "org/djlresnet/py-djl-resnet" / version
    ours.mkdir(parents=True)
    shutil.copy(jar, ours / f"py-djl-resnet-{version}.jar")
    shutil.copy(ROOT / "pom.xml", ours / f"py-djl-resnet-{version}.pom")
    for parent in ("", "org"):
        for entry in (jars.maven_folder() / parent).iterdir():
            link = folder / parent / entry.name
            if not link.exists():
                link.symlink_to(entry)
    return folder


@pytest.mark.skipif(not (shutil.which("mvn") and shutil.which("javac")), reason="Maven or a JDK is missing")
@pytest.mark.skipif(not jars.maven_folder().is_dir(), reason="Maven's local repository is empty")
def test_java_example_runs_in_its_own_maven_project(tmp_path):
    jar = jars.own_jar()
    version = jar.stem.removeprefix("py-djl-resnet-")
    project = tmp_path / "project"
    sources = project / "src/main/java"
    sources.mkdir(parents=True)
    (sources / "Example.java").write_text(block("java"), encoding="utf-8")
    (sources / "Mxnet.java").write_text(MXNET, encoding="utf-8")
    (project / "pom.xml").write_text(CONSUMER.format(version=version), encoding="utf-8")
    (project / "data").symlink_to(bundled_data())
    PIL.Image.new("L", (28, 28), 128).save(project / "shoe.png")
    repository = linked_repository(tmp_path / "repository", jar, version)
    goals = ["compile", "dependency:build-classpath", f"-Dmdep.outputFile={project / 'classpath'}"]
    built = subprocess.run(
        ["mvn", "-B", "-q", f"-Dmaven.repo.local={repository}", *goals], cwd=project, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout
    path = (project / "classpath").read_text(encoding="utf-8")
    names = {Path(entry).name for entry in path.split(os.pathsep)}
    assert any(name.startswith("pytorch-engine") for name in names)
    assert [name for name in names if re.match("mxnet|tablesaw|slf4j-(?!api)|logback", name)] == []

    def java(main):
        command = ["java", "-cp", f"target/classes{os.pathsep}{path}", main]
        ran = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    printed = java("Example")
    assert "EpochRow[epoch=1, step=8," in printed
    assert (project / "runs/first/last.safetensors").is_file()
    assert re.search('"(class|className)": ?"', printed), printed
    message = "The engine MXNet is not on the class path. Add DJL's artifact ai.djl.mxnet:mxnet-engine."
    assert java("Mxnet").splitlines() == [message, "true"]


def test_figures_are_those_of_their_sources():
    text = " ".join((ROOT / "README.md").read_text("utf-8").replace("\u00d7", "x").split())
    about = json.loads(bundled_text("fashion-mnist-fast"))["about"]
    assert f"reaches {about['accuracy']:.1%}".replace("%", " %") in text
    assert f"in {about['minutes']:.0f} minutes on two cores" in text
    assert f"{about['accuracy_with_tta']:.1%}".replace("%", " %") + f" with `--tta {about['tta']}`" in text
    assert f"mean of {about['n']} seeds" in text
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    row = re.search(r"^\| training, 28.28, batch 256 \|(.*)\|$", page, re.M).group(1)
    float32, bfloat16, autocast = re.findall(r"\*\*([\d.]+)\*\*", row)[:3]
    assert f"in float32 is {float32}x as fast" in text
    assert f"in bfloat16 it is {bfloat16}x as fast as eager float32 and {autocast}x as fast".lower() in text.lower()
