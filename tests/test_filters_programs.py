"""Programs under the filter: one is executed, it works, and nothing is executed after it."""

import json
import os
import re
import signal
import tempfile
from pathlib import Path

import pytest
from contained import LEVELS, LINUX, ROOT, built, found, in_child, outcome, raw, run_program

from evalengine_host import landlock, seccomp

pytestmark = LINUX
USERS = [
    pytest.param(False, marks=pytest.mark.skipif(not ROOT, reason="needs root"), id="root"),
    pytest.param(True, id="user"),
]
AT_EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS)
X86_64_ONLY = pytest.mark.skipif(os.uname().machine != "x86_64", reason="written in x86_64's assembler")


@pytest.fixture(scope="module")
def folder():
    """Return a folder that everybody can read."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


# ------------------------------------------------------------------------------ exactly one exec

EXECUTES = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static char *arguments[] = {"/bin/echo", "EXECUTED", 0};
static void say(const char *way, int result) { printf("%s %d\n", way, result); fflush(stdout); }
static void *in_a_thread(void *unused) { say("thread", execv(arguments[0], arguments) ? errno : 0); return 0; }
int main(void) {
    int file = open(arguments[0], O_RDONLY | O_CLOEXEC), path = open(arguments[0], O_PATH), status = 0;
    pid_t pid;
    pthread_t thread;
    say("execve", execve(arguments[0], arguments, environ) ? errno : 0);
    say("execve with zeros", syscall(SYS_execve, arguments[0], arguments, environ, 0L, 0L, 0L) ? errno : 0);
    say("execve with ones", syscall(SYS_execve, arguments[0], arguments, environ, -1L, -1L, -1L) ? errno : 0);
    say("execve of nothing", syscall(SYS_execve, 0L, 0L, 0L) ? errno : 0);
    say("fexecve", fexecve(file, arguments, environ) ? errno : 0);
    say("execveat", syscall(SYS_execveat, path, "", arguments, environ, AT_EMPTY_PATH, 0L) ? errno : 0);
    say("execveat by path", syscall(SYS_execveat, AT_FDCWD, arguments[0], arguments, environ, 0L, 0L) ? errno : 0);
    say("posix_spawn", posix_spawn(&pid, arguments[0], 0, 0, arguments, environ));
    say("fork", (pid = fork()) < 0 ? errno : 0);
    if (pid == 0) { execv(arguments[0], arguments); _exit(77); }
    if (pid > 0) { waitpid(pid, &status, 0); say("child", WEXITSTATUS(status)); }
    say("vfork", (pid = vfork()) < 0 ? errno : 0);
    if (pid == 0) { execv(arguments[0], arguments); _exit(77); }
    if (pid > 0) { waitpid(pid, &status, 0); say("child", WEXITSTATUS(status)); }
    say("system", system("/bin/echo EXECUTED") == 0);
    pthread_create(&thread, 0, in_a_thread, 0);
    pthread_join(thread, 0);
    return 0;
}
"""


@pytest.mark.parametrize("ordinary", USERS)
@AT_EVERY_LEVEL
@pytest.mark.parametrize("processes", [1, 4])
def test_a_program_executes_nothing(folder, level, processes, ordinary):
    done = run_program(built(EXECUTES, folder / "executes"), level=level, processes=processes, ordinary=ordinary)
    said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    alone = {"fork": "1", "vfork": "1"}
    several = {"fork": "0", "vfork": "0", "child": "77"}
    assert said == {
        **dict.fromkeys(["execve", "execve with zeros", "execve with ones", "execve of nothing", "thread"], "1"),
        **dict.fromkeys(["fexecve", "execveat", "execveat by path", "posix_spawn"], "1"),
        "system": "0",
        **(alone if processes == 1 else several),
    }
    assert (done.returncode, done.stderr) == (0, "")


REGISTERS = r"""
__asm__(".globl _start\n_start:\n"
        "  push %rax\n push %rbx\n push %rcx\n push %rdx\n push %rsi\n push %rdi\n push %rbp\n"
        "  push %r8\n push %r9\n push %r10\n push %r11\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "  mov %rsp, %rbx\n"
        "1: mov $1, %eax\n mov $1, %edi\n mov %rbx, %rsi\n mov $8, %edx\n syscall\n"
        "  add $8, %rbx\n cmp $8, %rax\n je 1b\n"
        "  mov $60, %eax\n xor %edi, %edi\n syscall\n");
"""


@X86_64_ONLY
def test_a_program_finds_the_key_neither_in_its_registers_nor_on_its_stack(folder):
    path = built(REGISTERS, folder / "registers", "-nostdlib", "-static")
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(theirs, 1)
        key = seccomp.install(seccomp.filter_program(level="landlock", kind="program", processes=1))
        os.write(1, key)
        seccomp.execute(key, path, [path], {"A": "B"})
    os.close(theirs)
    with open(ours, "rb") as answer:
        told = answer.read()
    assert os.waitpid(pid, 0)[1] == 0
    key, seen = told[:24], told[24:]
    assert len(seen) > 15 * 8
    assert path.encode() in seen  # it is the stack: the arguments lie there
    words = [key[place : place + 4] for place in range(0, 24, 4)]
    assert [word for word in words if word in seen] == []


def test_only_the_key_of_this_process_executes():
    program = seccomp.filter_program(level="namespaces", kind="program", processes=1)

    def body():
        key = seccomp.install(program)
        wrong = [bytes(24), bytes(reversed(key)), *(_flipped(key, bit) for bit in range(0, 192, 7))]
        return [outcome(lambda key=key: seccomp.execute(key, "/bin/true", ["true"], {})) for key in wrong]

    assert set(in_child(body)) == {"EPERM"}
    assert in_child(lambda: seccomp.install(program).hex()) != in_child(lambda: seccomp.install(program).hex())


def _flipped(key, bit):
    number = int.from_bytes(key, "little") ^ (1 << bit)
    return number.to_bytes(24, "little")


@AT_EVERY_LEVEL
def test_python_agents_execute_nothing_whatever_key_they_hold(level):
    def body():
        key = seccomp.install(seccomp.filter_program(level=level, kind="python", processes=1))
        return [
            outcome(lambda: seccomp.execute(key, "/bin/true", ["true"], {})),
            raw("execveat", 0, b"", None, None, 0x1000),
        ]

    assert in_child(body) == ["EPERM", "EPERM"]


def test_a_program_that_is_not_there_is_named():
    def body():
        key = seccomp.install(seccomp.filter_program(level="namespaces", kind="program", processes=1))
        try:
            seccomp.execute(key, "/nowhere/bot", ["bot"], {})
        except FileNotFoundError as error:
            return str(error)

    assert in_child(body) == "[Errno 2] /nowhere/bot: No such file or directory"


@AT_EVERY_LEVEL
def test_a_script_is_one_program_although_the_kernel_starts_its_interpreter(folder, level):
    script = folder / "script"
    script.write_text("#!/bin/sh\nread line\necho got $line\n/bin/echo EXECUTED\n")
    script.chmod(0o755)
    done = run_program(str(script), level=level, stdin="hello\n")
    assert done.stdout == "got hello\n"
    assert "EXECUTED" not in done.stderr.replace("/bin/echo", "")


# -------------------------------------------------------------------------------- honest programs

ANSWERS = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char line[256], *block = malloc(100 << 20);
    memset(block, 1, 100 << 20);
    while (fgets(line, sizeof line, stdin)) { printf("%s %d\n", strtok(line, "\n"), block[1 << 20]); fflush(stdout); }
    return 0;
}
"""


@AT_EVERY_LEVEL
@pytest.mark.parametrize("options", [(), ("-static",), ("-static-pie",)], ids=["shared", "static", "static-pie"])
def test_c_programs_work(folder, level, options):
    done = run_program(
        built(ANSWERS, folder / f"answers{len(options)}", *options), level=level, stdin="a\nb\n", ordinary=True
    )
    assert (done.stdout, done.returncode) == ("a 1\nb 1\n", 0)


def test_programs_of_another_libc_work(folder):
    compiler = found("musl-gcc")
    source = folder / "musl.c"
    source.write_text(ANSWERS)
    import subprocess

    subprocess.run([compiler, "-static", "-o", folder / "musl", source], check=True)
    for level in LEVELS:
        assert run_program(str(folder / "musl"), level=level, stdin="a\n").stdout == "a 1\n"


@AT_EVERY_LEVEL
def test_a_program_that_aborts_dies_of_it(folder, level):
    path = built("#include <stdlib.h>\nint main(void) { abort(); }", folder / "aborts")
    assert run_program(path, level=level).returncode == -signal.SIGABRT


NODE = """
const { Worker } = require("worker_threads");
const lines = require("readline").createInterface({ input: process.stdin });
const say = (what) => console.log(JSON.stringify(what));
lines.on("line", (line) => say(["line", line]));
lines.on("close", () => {
    try { require("child_process").execFileSync("/bin/echo", ["EXECUTED"]); say(["exec", "done"]); }
    catch (error) { say(["exec", error.code]); }
    require("net").connect(9, "127.0.0.1").on("error", (error) => say(["net", error.code]));
    new Worker('require("worker_threads").parentPort.postMessage([..."abc"].map((c) => c + c).join())', { eval: true })
        .on("message", (text) => say(["worker", text]));
    let sum = 0; for (let i = 0; i < 3e6; i++) sum = (sum + i * i) % 1000003; say(["sum", sum]);
});
"""


@AT_EVERY_LEVEL
def test_node_works(folder, level):
    (folder / "bot.js").write_text(NODE)
    done = run_program(found("node"), str(folder / "bot.js"), level=level, stdin="hello\n")
    said = dict(json.loads(line) for line in done.stdout.splitlines())
    assert said.pop("sum") == sum(i * i for i in range(3_000_000)) % 1_000_003
    assert said == {"line": "hello", "exec": "EPERM", "net": "EPERM", "worker": "aa,bb,cc"}


JAVA = """
import java.io.*;
import java.util.stream.*;
public class Bot {
    public static void main(String[] arguments) throws Exception {
        System.out.println(new BufferedReader(new InputStreamReader(System.in)).readLine());
        System.out.println(IntStream.range(0, 1000).parallel().sum());
        try { Runtime.getRuntime().exec("/bin/echo"); System.out.println("EXECUTED"); }
        catch (IOException error) { System.out.println("refused"); }
        try { new java.net.Socket("127.0.0.1", 9); System.out.println("CONNECTED"); }
        catch (IOException error) { System.out.println("refused"); }
    }
}
"""


@pytest.mark.slow
@AT_EVERY_LEVEL
def test_java_works(folder, level):
    (folder / "Bot.java").write_text(JAVA)
    system = [path for path in ("/usr", "/lib", "/lib64", "/opt") if os.path.isdir(path)]
    read = [path for path in ("/etc", "/proc", "/sys", "/dev/urandom", str(folder)) if os.path.exists(path)]

    def restricted():
        if level == "landlock":  # else java would have a /tmp, and lock a file there
            landlock.restrict(readable=read, writable=["/dev/null"], executable=system)

    java = found("java"), "-Xmx128m", str(folder / "Bot.java")
    done = run_program(*java, level=level, stdin="hello\n", before=restricted)
    assert done.stdout.split() == ["hello", "499500", "refused", "refused"], done.stderr


@AT_EVERY_LEVEL
@pytest.mark.parametrize(
    ("name", "options", "said", "expected"),
    [
        (
            "stockfish",
            (),
            "setoption name Threads value 2\ngo nodes 500\nquit\n",
            r"bestmove [a-h][1-8]|option name Threads",
        ),
        ("fairy-stockfish", (), "uci\nquit\n", r"uciok"),
        ("gnugo", ("--mode", "gtp"), "boardsize 9\ngenmove b\nquit\n", r"= [A-J][1-9]"),
        ("fairymax", (), "xboard\nprotover 2\nquit\n", r"feature .*done=1"),
        ("hoichess", (), "xboard\nprotover 2\nquit\n", r"feature .*done=1"),
        ("phalanx", (), "xboard\nprotover 2\nquit\n", r"feature"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_engines_work(level, name, options, said, expected):
    done = run_program(found(name), *options, level=level, stdin=said, ordinary=True)
    assert re.search(expected, done.stdout), done
    assert done.returncode == 0
