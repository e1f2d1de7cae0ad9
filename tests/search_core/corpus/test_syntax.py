"""Every language with a grammar is cut into its definitions, and every line of a file is in some document."""

from __future__ import annotations

import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_core.corpus.chunker import LeftOut
from search_core.corpus.grammars import GRAMMARS
from search_core.corpus.languages import chunker_for
from search_core.corpus.syntax import syntax_chunker
from search_core.types import Document


def chunk(path: str, source: str) -> list[Document]:
    chunker = chunker_for(path, prose=False)
    assert chunker
    return chunker(path, textwrap.dedent(source).encode())


def outline(path: str, source: str) -> list[tuple[str | None, str | None, int | None, int | None]]:
    return [(d.symbol, d.kind, d.start_line, d.end_line) for d in chunk(path, source) if d.kind != "block"]


LANGUAGES = {
    "a.js": (
        """\
        /** Doc. */
        export class A extends B {
          static make = () => new A()
          #secret() {}
        }
        const arrow = async (x) => x
        function* count() {}
        exports.named = function (a) {}
        module.exports = function main() {}
        Shape.prototype.area = function () {}
        const api = {
          list() {},
          nested: { deep: (x) => x },
        }
        export default () => {}
        const Button = memo((props) => {
          return props
        })
        """,
        [
            ("A", "class", 1, 5),
            ("A.make", "method", 3, 3),
            ("A.#secret", "method", 4, 4),
            ("arrow", "function", 6, 6),
            ("count", "function", 7, 7),
            ("named", "function", 8, 8),
            ("main", "function", 9, 9),
            ("Shape.area", "method", 10, 10),
            ("api.list", "method", 12, 12),
            ("api.nested.deep", "method", 13, 14),
            ("default", "function", 15, 15),
            ("Button", "function", 16, 18),
        ],
    ),
    "a.ts": (
        """\
        import x from "y"
        export interface Shape { area(): number }
        export type Names = { a: string }
        enum Color { Red }
        @Component({
          selector: "app",
        })
        export class App {
          private run = (x: number): void => {}
          abstract open(): void
        }
        export function parse(a: string): A
        export function parse(a: number): B
        export function parse(a: any) {
          return a
        }
        namespace inner {
          export function deep() {}
        }
        """,
        [
            ("Shape", "class", 2, 2),
            ("Names", "class", 3, 3),
            ("Color", "class", 4, 4),
            ("App", "class", 5, 11),
            ("App.run", "method", 9, 9),
            ("App.open", "method", 10, 10),
            ("parse", "function", 12, 16),  # the overloads belong to it
            ("inner.deep", "function", 18, 19),
        ],
    ),
    "a.tsx": (
        """\
        export const App = (props: Props) => <div onClick={() => {}}>{props.name}</div>
        function Row<T>() { return <></> }
        """,
        [("App", "function", 1, 1), ("Row", "function", 2, 2)],
    ),
    "a.go": (
        """\
        package engine

        // Engine serves.
        // It has routes.
        type Engine struct {
            routes []string
        }
        type (
            Handler func()
            Router interface {
                Add(path string)
            }
        )
        // Run starts it.
        func (e *Engine) Run(addr string) error { return nil }
        func (s Stack[T]) Pop() {}
        func New() *Engine {
            inner := func() {}
            return nil
        }
        """,
        [
            ("Engine", "class", 3, 7),
            ("Handler", "class", 9, 9),
            ("Router", "class", 10, 13),
            ("Router.Add", "method", 11, 11),
            ("Engine.Run", "method", 14, 15),
            ("Stack.Pop", "method", 16, 16),
            ("New", "function", 17, 20),
        ],
    ),
    "a.rs": (
        """\
        use std::fmt;
        /// A point.
        #[derive(
            Debug,
        )]
        pub struct Point<T> { x: T }
        enum Shape { Round }
        pub trait Area {
            /// How large.
            fn area(&self) -> f64;
        }
        impl<'a, T> Area for Point<T> {
            fn area(&self) -> f64 { 0.0 }
        }
        impl Default for &'a mut Shape {}
        mod inner {
            pub fn deep() {}
        }
        macro_rules! shape { () => {} }
        type Alias = Point<u8>;
        """,
        [
            ("Point", "class", 2, 6),
            ("Shape", "class", 7, 7),
            ("Area", "class", 8, 11),
            ("Area.area", "method", 9, 10),
            ("Point", "class", 12, 14),
            ("Point.area", "method", 13, 13),
            ("Shape", "class", 15, 15),
            ("inner.deep", "function", 17, 18),
            ("shape", "function", 19, 19),
            ("Alias", "class", 20, 20),
        ],
    ),
    "A.java": (
        """\
        package a.b;
        /** Doc. */
        @Service
        public class A<T> extends B {
            public A(int x) {}
            @Override
            public <R> List<R> run(int a) throws E { return null; }
            static final Comparator<A> BY_NAME = new Comparator<>() {
                public int compare(A a, A b) { return 0; }
            };
            interface Inner { void call(); }
            enum Color { RED }
        }
        record Point(int x) {}
        @interface Mark {}
        """,
        [
            ("A", "class", 2, 13),
            ("A.A", "method", 5, 5),
            ("A.run", "method", 6, 7),
            ("A.BY_NAME.compare", "method", 9, 9),
            ("A.Inner", "class", 11, 11),
            ("A.Color", "class", 12, 12),
            ("Point", "class", 14, 14),
            ("Mark", "class", 15, 15),
        ],
    ),
    "a.c": (
        """\
        #include <stdio.h>
        struct point { int x; };
        typedef struct { int y; } other_t;
        typedef int (*callback)(void *data);
        enum color { RED };
        int declared(void);
        /* Adds. */
        static int add(int a, int b)
        {
            return a + b;
        }
        char **names(void) { return 0; }
        TEST(works) { }
        """,
        [
            ("point", "class", 2, 2),
            ("other_t", "class", 3, 3),
            ("callback", "class", 4, 4),
            ("color", "class", 5, 5),
            ("add", "function", 7, 11),
            ("names", "function", 12, 12),
            ("works", "function", 13, 13),
        ],
    ),
    "a.cpp": (
        """\
        #include <x>
        namespace ns {
        template <typename T>
        class EXPORTED Box : public Base {
         public:
          Box() : value_(0) {}
          ~Box() GUARDED_BY(lock_) { }
          bool operator==(const Box& o) const { return true; }
          T& get();
        };
        template <typename T>
        T& Box<T>::get() { return value_; }
        std::string& name() { return n; }
        using Boxes = std::vector<Box>;
        }  // namespace ns
        """,
        [
            ("Box", "class", 3, 10),
            ("Box.Box", "method", 6, 6),
            ("Box.~Box", "method", 7, 7),
            ("Box.operator==", "method", 8, 8),
            ("Box.get", "method", 11, 12),
            ("name", "function", 13, 13),
            ("Boxes", "class", 14, 15),  # with the closing bracket below it
        ],
    ),
    "A.cs": (
        """\
        namespace A.B
        {
            /// <summary>Doc.</summary>
            [Serializable]
            public class A<T> : Base where T : class
            {
                public int X { get; set; }
                public A() { }
                public async Task<int> Run(int a) => await x;
                public static A operator +(A a, A b) { return a; }
                public int this[int i] { get { return 1; } }
            }
            interface IRun { void Run(); }
            struct Point { }
            public record Person(string Name);
            delegate void Handler(int a);
        }
        """,
        [
            ("A", "class", 3, 12),
            ("A.A", "method", 8, 8),
            ("A.Run", "method", 9, 9),
            ("A.+", "method", 10, 10),
            ("A.this", "method", 11, 11),
            ("IRun", "class", 13, 13),
            ("Point", "class", 14, 14),
            ("Person", "class", 15, 15),
            ("Handler", "class", 16, 17),
        ],
    ),
    "a.rb": (
        """\
        require "x"
        module Shapes
          # A circle.
          class Circle < Shape
            def area
              1
            end
            def self.unit = new(1)
          end
        end
        def top; end
        """,
        [
            ("Shapes", "class", 2, 10),
            ("Shapes.Circle", "class", 3, 9),
            ("Shapes.Circle.area", "method", 5, 7),
            ("Shapes.Circle.unit", "method", 8, 8),
            ("top", "function", 11, 11),
        ],
    ),
    "a.php": (
        """\
        <?php
        namespace App\\Http;
        /** Doc. */
        #[Attr]
        final class Kernel extends Base {
            public function handle($request): Response { return 1; }
        }
        interface Runs { function run(); }
        trait Sings {}
        enum Suit { case Hearts; }
        function helper() {}
        """,
        [
            ("Kernel", "class", 3, 7),
            ("Kernel.handle", "method", 6, 6),
            ("Runs", "class", 8, 8),
            ("Sings", "class", 9, 9),
            ("Suit", "class", 10, 10),
            ("helper", "function", 11, 11),
        ],
    ),
    "a.kt": (
        """\
        package a
        /** Doc. */
        @Mark
        class Box<T>(val x: Int) : Base() {
            fun open(a: Int): Int = a
            constructor(a: String) : this(1) { run() }
            companion object {
                fun create() = Box(1)
            }
        }
        interface Runs {
            fun run()
        }
        object Single { val x = 1 }
        fun String.shout(): String { return this }
        typealias Names = List<String>
        """,
        [
            ("Box", "class", 2, 10),
            ("Box.open", "method", 5, 5),
            ("Box.constructor", "method", 6, 6),
            ("Box.Companion", "class", 7, 9),
            ("Box.Companion.create", "method", 8, 8),
            ("Runs", "class", 11, 13),
            ("Runs.run", "method", 12, 12),
            ("Single", "class", 14, 14),
            ("shout", "function", 15, 15),
            ("Names", "class", 16, 16),
        ],
    ),
    "a.swift": (
        """\
        /// Doc.
        public struct Box<T>: Runs where T: Any {
            init(a: Int) { }
            func open(_ a: Int) -> Int { return 1 }
            static func == (l: Box, r: Box) -> Bool { true }
            subscript(i: Int) -> Int { return i }
        }
        extension Box {
            func close() {}
        }
        protocol Runs {
            func run() -> Int
        }
        enum Color { case red }
        actor Keeper { func keep() {} }
        func top() {}
        """,
        [
            ("Box", "class", 1, 7),
            ("Box.init", "method", 3, 3),
            ("Box.open", "method", 4, 4),
            ("Box.==", "method", 5, 5),
            ("Box.subscript", "method", 6, 6),
            ("Box", "class", 8, 10),
            ("Box.close", "method", 9, 9),
            ("Runs", "class", 11, 13),
            ("Runs.run", "method", 12, 12),
            ("Color", "class", 14, 14),
            ("Keeper", "class", 15, 15),
            ("top", "function", 16, 16),
        ],
    ),
    "a.scala": (
        """\
        package a
        /** Doc. */
        case class Box[T](x: Int) extends Base {
          def open(a: Int): Int = a
          val twice = (a: Int) => a * 2
        }
        object Box { def apply() = 1 }
        trait Runs {
          def run(): Unit
        }
        enum Color { case Red }
        def top(x: Int) = 1
        """,
        [
            ("Box", "class", 2, 6),
            ("Box.open", "method", 4, 4),
            ("Box.twice", "method", 5, 5),
            ("Box", "class", 7, 7),
            ("Runs", "class", 8, 10),
            ("Runs.run", "method", 9, 9),
            ("Color", "class", 11, 11),
            ("top", "function", 12, 12),
        ],
    ),
    "a.sh": (
        """\
        #!/bin/bash
        set -e
        # Builds it.
        build() {
          make
        }
        function clean { rm x; }
        """,
        [("build", "function", 3, 6), ("clean", "function", 7, 7)],
    ),
    "a.lua": (
        """\
        local M = {}
        -- Opens.
        function M.open(a) return 1 end
        function M:close() end
        local function helper() end
        M.find = function() end
        local t = { run = function() end }
        """,
        [
            ("M.open", "method", 2, 3),
            ("M.close", "method", 4, 4),
            ("helper", "function", 5, 5),
            ("M.find", "method", 6, 6),
            ("t.run", "method", 7, 7),
        ],
    ),
    "a.hs": (
        """\
        module A where
        -- | Doubles.
        double :: Int -> Int
        double 0 = 0
        double n = n * 2
        data Shape = Round | Square { side :: Int }
        class Area a where
          area :: a -> Int
        instance Area Shape where
          area Round = 1
          area (Square s) = s
        x <+> y = x
        """,
        [
            ("double", "function", 2, 5),  # signature and equations are one
            ("Shape", "class", 6, 6),
            ("Area", "class", 7, 8),
            ("Area.area", "method", 8, 8),
            ("Area.Shape", "class", 9, 11),
            ("Area.Shape.area", "method", 10, 11),
            ("<+>", "function", 12, 12),
        ],
    ),
    "a.ex": (
        '''\
        defmodule Shapes.Box do
          @moduledoc """
          Boxes.
          """
          @doc "Opens it."
          @spec open(integer) :: integer
          def open(0), do: 1
          def open(a) when a > 1 do
            a
          end
          defp helper, do: 1
          @type t :: %Box{}
        end
        ''',
        [
            ("Shapes.Box", "class", 1, 13),
            ("Shapes.Box.open", "method", 5, 10),  # clauses are one
            ("Shapes.Box.helper", "method", 11, 11),
            ("Shapes.Box.t", "class", 12, 12),
        ],
    ),
    "a.zig": (
        """\
        const std = @import("std");
        /// Doc.
        pub const Box = struct {
            x: u32,
            pub fn open(self: Box) u32 {
                return self.x;
            }
        };
        fn List(comptime T: type) type {
            return struct {
                fn pop() void {}
            };
        }
        pub fn main() !void {}
        """,
        [
            ("Box", "class", 2, 8),
            ("Box.open", "method", 5, 7),
            ("List", "class", 9, 13),
            ("List.pop", "method", 11, 11),
            ("main", "function", 14, 14),
        ],
    ),
}


@pytest.mark.parametrize("path", LANGUAGES)
def test_a_languages_definitions_are_documents_under_the_names_its_people_use(path: str) -> None:
    source, expected = LANGUAGES[path]
    assert outline(path, source) == expected


def test_every_grammar_has_an_example_above() -> None:
    examples = {d.language for path, (source, _) in LANGUAGES.items() for d in chunk(path, source)}
    assert examples | {"tsx", "python"} == set(GRAMMARS)


@pytest.mark.parametrize(
    ("path", "source", "signature", "docstring"),
    [
        (
            "a.go",
            "// Run starts it.\n//\n// And waits.\nfunc (e *Engine) Run(\n\taddr string,\n) error {\n}\n",
            "func (e *Engine) Run( addr string, ) error",
            "Run starts it.\n\nAnd waits.",
        ),
        ("a.js", "/**\n * Adds *two*.\n */\nconst add = (a, b) => {}\n", "const add = (a, b)", "Adds *two*."),
        (
            "a.rs",
            "/// Adds.\n#[inline]\npub fn add<T>(a: T) -> T { a }\n",
            "pub fn add<T>(a: T) -> T",
            "Adds.",
        ),
        ("a.c", "/* --------\n * Adds.\n */\nint\nadd(int a)\n{\n}\n", "int add(int a)", "Adds."),
        ("a.rb", "# Adds.\n#\n#   add 1\ndef add(a)\n  a\nend\n", "def add(a)", "Adds.\n\n  add 1"),
        ("a.lua", "--- Adds.\nfunction add(a)\nreturn a\nend\n", "function add(a)", "Adds."),
        ("a.hs", "-- | Adds.\nadd :: Int -> Int\nadd a = a\n", "add :: Int -> Int", "Adds."),
        ("a.sh", "#!/bin/sh\nadd() {\n  true\n}\n", "add()", None),  # a shebang documents nothing
        ("a.py", 'print "old"\ndef add(a):\n  r"""Adds.\n  Twice."""\n', "def add(a)", "Adds.\nTwice."),
        ("a.java", "int x = 1; // not about add\nint add(int a) { return a; }\n", "int add(int a)", None),
        ("a.java", "// far above\n\nint add(int a) { return a; }\n", "int add(int a)", None),
    ],
)
def test_a_signature_is_one_line_and_a_docstring_has_no_comment_signs(
    path: str, source: str, signature: str, docstring: str | None
) -> None:
    *_, document = (document for document in chunk(path, source) if document.kind != "block")
    assert (document.signature, document.docstring) == (signature, docstring)


def test_what_is_handed_to_a_call_is_no_definition() -> None:
    tests = """\
        describe("x", () => {
          function helper() {}
          it("works", function () { const f = () => 1 })
        })
        app.get("/", (req, res) => {})
        """
    assert outline("a.js", tests) == []


@pytest.mark.parametrize("wrapper", ["(function () {\n%s})()", "define(['a'], function () {\n%s})"])
def test_a_module_wrapped_in_a_call_is_looked_into(wrapper: str) -> None:
    assert [symbol for symbol, *_ in outline("a.js", wrapper % "  function inside() {}\n")] == ["inside"]


def test_a_short_function_keeps_what_is_defined_in_it_and_a_long_one_shares_it() -> None:
    short = "function outer() {\n  function inner() {}\n}\n"
    long = short.replace("}\n}", "}\n" + "  work()\n" * 70 + "}")
    assert [symbol for symbol, *_ in outline("a.js", short)] == ["outer"]
    assert [symbol for symbol, *_ in outline("a.js", long)] == ["outer", "outer.inner"]
    assert chunk("a.js", long)[0].encoded.startswith("function outer() {\n  function inner()\n  work()\n")


def test_a_syntax_error_costs_only_what_it_touches() -> None:
    source = "func broken() { return ( }\n\nfunc whole() int {\n\treturn 1\n}\n"
    assert outline("a.go", source) == [("broken", "function", 1, 1), ("whole", "function", 3, 5)]


SNIPPETS = st.sampled_from(
    [
        *("{", "}", "(", ")", "end", "\n", "\r\n", "\r", "\n\n", "  ", "\t", "\x0c", "é", "\u2028", "'"),
        *("class A", "def f(x)", "function g()", "fn h()", "func (t T) m()", "x = 1", ";", ":", "=>"),
        *("// note\n", "# note\n", "/* a\n b */", "-- note\n", "@mark\n", "#if X\n", "template <T>", '"""'),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(SNIPPETS, max_size=60).map("".join), st.sampled_from(sorted(GRAMMARS)))
def test_every_line_of_any_text_is_in_a_document_whose_text_is_exactly_its_lines(
    text: str, grammar: str
) -> None:
    documents = syntax_chunker(grammar, grammar)("f", text.encode())
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    covered: set[int] = set()
    for document in documents:
        assert document.start_line and document.end_line
        covered.update(range(document.start_line, document.end_line + 1))
        span = "\n".join(lines[document.start_line - 1 : document.end_line])
        assert document.text.replace("\r\n", "\n").replace("\r", "\n") == span
        assert document.text.strip()
    assert covered >= {number for number, line in enumerate(lines, 1) if line.strip()}
    assert len({document.id for document in documents}) == len(documents)


@pytest.mark.parametrize("path", ["a.c", "a.js", "a.rs"])
@pytest.mark.parametrize(
    "source",
    [
        b"x = " + b"(" * 50_000 + b"1" + b")" * 50_000,
        b"f {" * 50_000,
        b"int f(int a) { return 1; } " * 10_000,
        b"class A {\n" * 2_000,
    ],
    ids=["deep brackets", "open braces", "one line", "deep classes"],
)
def test_hostile_input_takes_no_more_than_seconds(path: str, source: bytes) -> None:
    started = time.thread_time()
    chunker = chunker_for(path, prose=False)
    assert chunker and chunker(path, source)
    assert time.thread_time() - started < 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_file_is_read_in_its_encoding(encoding: str) -> None:
    chunker = chunker_for("a.go", prose=False)
    assert chunker
    [document] = chunker("a.go", "func f() { p('é') }\n".encode(encoding))
    assert document.text == "func f() { p('é') }"


def test_binary_data_is_left_out() -> None:
    chunker = chunker_for("a.go", prose=False)
    assert chunker
    with pytest.raises(LeftOut, match="cannot be decoded"):
        chunker("a.go", bytes(range(256)) * 10)
