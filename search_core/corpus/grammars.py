"""What a definition is, language by language: the only place that knows node types.

Each language is a tree-sitter grammar from a package, and a query. What its captures mean:

@function, @class    a document; a function inside a class or object is a method
@clause              a function; what follows under the same name belongs to it (overloads, equations)
@object, @namespace  no document, but its name opens the symbols of what is inside
@opaque              nothing inside is a document
@name                the name; several captures are joined by dots
@body                what the signature ends before, where it is no child of the node
@comment             belongs to the definition below it, and is its docstring
@attribute           belongs to the definition below it
@docstring           a string that stands inside the definition it documents
@keyword             what the properties `only` and `except` of the pattern are about: texts, by spaces

The property `name` names what has no @name. Predicates such as #eq? are not used: they read the text
through the parser's read callback, which is slow and, in tree-sitter 0.26, not safe.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Grammar(NamedTuple):
    """package.function() gives the grammar. unseen: what it cannot parse, and is better parsed without."""

    package: str
    query: str
    function: str = "language"
    unseen: re.Pattern[bytes] | None = None


PYTHON = """
(comment) @comment
(decorator) @attribute
(block . (expression_statement (string)) @docstring)
(class_definition name: (_) @name) @class
(function_definition name: (_) @name) @function
"""

FUNCTION = "[(arrow_function) (function_expression) (generator_function)]"
CALL = "(call_expression arguments: (arguments [(arrow_function) (function_expression)] @body))"
MEMBER = "(member_expression object: (_) @name property: (_) @name)"

JAVASCRIPT = f"""
(comment) @comment
[(class_declaration name: (_) @name)
 (variable_declarator name: (identifier) @name value: (class))] @class
[(function_declaration name: (_) @name)
 (generator_function_declaration name: (_) @name)
 (method_definition name: (_) @name)
 (variable_declarator name: (identifier) @name value: {FUNCTION})
 (assignment_expression left: (identifier) @name right: {FUNCTION})
 (pair key: (property_identifier) @name value: {FUNCTION})] @function
[(variable_declarator name: (identifier) @name value: (object))
 (assignment_expression left: {MEMBER} right: (object))
 (pair key: (property_identifier) @name value: (object))] @object

(assignment_expression left: {MEMBER} @keyword right: {FUNCTION} (#set! except "module.exports")) @function
(assignment_expression left: {MEMBER} @keyword right: (class) (#set! except "module.exports")) @class
(assignment_expression left: (_) @keyword right: [(function_expression name: (_) @name)
  (generator_function name: (_) @name)] (#set! only "module.exports")) @function
(assignment_expression left: (_) @keyword right: (class name: (_) @name) (#set! only "module.exports")) @class
(assignment_expression left: (_) @keyword right: [(arrow_function) (function_expression !name)]
  (#set! only "module.exports") (#set! name "exports")) @function
(assignment_expression left: (_) @keyword right: (class !name)
  (#set! only "module.exports") (#set! name "exports")) @class
(export_statement value: {FUNCTION} (#set! name "default")) @function
(export_statement value: (class) (#set! name "default")) @class

(program [
  (lexical_declaration (variable_declarator name: (identifier) @name value: {CALL}) @function)
  (export_statement
    (lexical_declaration (variable_declarator name: (identifier) @name value: {CALL}) @function))
  (expression_statement (assignment_expression left: {MEMBER} right: {CALL}) @function)])
(call_expression function: [(identifier) (member_expression)] @keyword
  arguments: (arguments [(arrow_function) (function_expression)] @opaque)
  (#set! except "define require $ jQuery"))
"""
"""What is handed to a call, such as `it("works", () => ...)`, is no definition, nor is anything in it;
except in a module that is wrapped in a call, and where a constant gets what the call makes of a function."""

TYPESCRIPT = (
    JAVASCRIPT
    + f"""
(public_field_definition name: (_) @name value: {FUNCTION}) @function
(abstract_class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(type_alias_declaration name: (_) @name) @class
(internal_module name: (_) @name) @namespace
(module name: (_) @name) @namespace
(function_signature name: (_) @name) @clause
(method_signature name: (_) @name) @clause
(abstract_method_signature name: (_) @name) @function
(decorator) @attribute
"""
)

GO = """
(comment) @comment
(function_declaration name: (_) @name) @function
(method_declaration receiver: (parameter_list (parameter_declaration type: [
  (type_identifier) @name (generic_type type: (_) @name)
  (pointer_type [(type_identifier) @name (generic_type type: (_) @name)])]))
  name: (_) @name) @function
(source_file (type_declaration (type_spec name: (_) @name) @class))
(source_file (type_declaration (type_alias name: (_) @name) @class))
(method_elem name: (_) @name) @function
(source_file (var_declaration (var_spec name: (_) @name
  value: (expression_list (func_literal body: (_) @body))) @function))
"""

RUST = """
[(line_comment) (block_comment)] @comment
(attribute_item) @attribute
(function_item name: (_) @name) @function
(function_signature_item name: (_) @name) @function
(struct_item name: (_) @name) @class
(enum_item name: (_) @name) @class
(union_item name: (_) @name) @class
(trait_item name: (_) @name) @class
(source_file (type_item name: (_) @name) @class)
(impl_item type: (_) @name) @class
(macro_definition name: (_) @name) @function
(mod_item name: (_) @name body: (_)) @namespace
"""

JAVA = """
[(line_comment) (block_comment)] @comment
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(annotation_type_declaration name: (_) @name) @class
(method_declaration name: (_) @name) @function
(constructor_declaration name: (_) @name) @function
(compact_constructor_declaration name: (_) @name) @function
(annotation_type_element_declaration name: (_) @name) @function
(field_declaration declarator: (variable_declarator name: (_) @name
  value: (object_creation_expression (class_body) @body))) @object
"""

C_NAMED = "(function_declarator declarator: (_) @name)"
C_POINTER = (
    "(function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (_) @name)))"
)

C = f"""
(comment) @comment
(function_definition declarator: [
  {C_NAMED}
  (pointer_declarator declarator: {C_NAMED})
  (pointer_declarator declarator: (pointer_declarator declarator: {C_NAMED}))
  (parenthesized_declarator (identifier) @name)]) @function
(struct_specifier name: (_) @name body: (_)) @class
(union_specifier name: (_) @name body: (_)) @class
(enum_specifier name: (_) @name body: (_)) @class
(type_definition declarator: [
  (type_identifier) @name
  (pointer_declarator declarator: (type_identifier) @name)
  (array_declarator declarator: (type_identifier) @name)
  (function_declarator declarator: (type_identifier) @name)
  {C_POINTER}
  (pointer_declarator declarator: {C_POINTER})]) @class
"""

C_MACROS = re.compile(
    rb"(?<=\bclass)[ \t]+[A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?(?=\s+\w)"
    rb"|(?<=\bstruct)[ \t]+[A-Z][A-Z0-9_]{2,}(?:\([^()\n]*\))?(?=\s+\w)"
    rb"|(?<=\))[ \t]+[A-Z][A-Z0-9_]{3,}\([^()\n]*\)(?=\s*\{)"
    rb"|^[A-Z][A-Z0-9_]{3,}(?:\([^()\n]*\))?[ \t]*$(?!\n[ \t]*(?:\{|\w+[ \t]*\())",
    re.MULTILINE,
)
"""Macros that stand where no name can: `class EXPORTED Name`, `void f() GUARDED_BY(lock) {`, a line alone."""

CPP = (
    C
    + f"""
(function_definition declarator: [(reference_declarator {C_NAMED}) (operator_cast type: (_) @name)]) @function
(class_specifier name: (_) @name body: (_)) @class
(alias_declaration name: (_) @name) @class
(template_declaration "template" @attribute parameters: (_) @attribute)
"""
)

RUBY = """
(comment) @comment
(class name: (_) @name) @class
(module name: (_) @name) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
"""

PHP = """
(comment) @comment
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(trait_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(method_declaration name: (_) @name) @function
(function_definition name: (_) @name) @function
"""

CSHARP = """
(comment) @comment
(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(struct_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(delegate_declaration name: (_) @name) @class
(method_declaration name: (_) @name) @function
(constructor_declaration name: (_) @name) @function
(destructor_declaration name: (_) @name) @function
(operator_declaration operator: _ @name) @function
(indexer_declaration (#set! name "this")) @function
"""

KOTLIN = """
[(line_comment) (block_comment)] @comment
(class_declaration name: (_) @name) @class
(object_declaration name: (_) @name) @class
(companion_object name: (_) @name) @class
((companion_object !name) @class (#set! name "Companion"))
(source_file (type_alias type: (_) @name) @class)
(function_declaration name: (_) @name) @function
((secondary_constructor) @function (#set! name "constructor"))
"""

SWIFT = """
[(comment) (multiline_comment)] @comment
(class_declaration name: (_) @name) @class
(protocol_declaration name: (_) @name) @class
(source_file (typealias_declaration name: (type_identifier) @name) @class)
(function_declaration "func" . name: _ @name) @function
(protocol_function_declaration "func" . name: _ @name) @function
((init_declaration) @function (#set! name "init"))
((deinit_declaration) @function (#set! name "deinit"))
((subscript_declaration) @function (#set! name "subscript"))
"""

SCALA = """
[(comment) (block_comment)] @comment
(class_definition name: (_) @name) @class
(object_definition name: (_) @name) @class
(trait_definition name: (_) @name) @class
(enum_definition name: (_) @name) @class
(package_object name: (_) @name) @class
(given_definition name: (_) @name body: (_)) @class
(compilation_unit (type_definition name: (_) @name) @class)
(function_definition name: (_) @name) @function
(function_declaration name: (_) @name) @function
(val_definition pattern: (identifier) @name value: (lambda_expression)) @function
"""

BASH = """
(comment) @comment
(function_definition name: (_) @name) @function
"""

LUA = """
(comment) @comment
(function_declaration name: (_) @name) @function
(assignment_statement (variable_list . name: (_) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @function
(assignment_statement (variable_list . name: (_) @name)
  (expression_list . value: (table_constructor))) @object
(field name: (identifier) @name value: (function_definition body: (_)? @body)) @function
"""

HASKELL = """
[(comment) (haddock)] @comment
(declarations [(signature name: (_) @name) (function name: (_) @name) (bind name: (_) @name)
  (function (infix operator: (_) @name))] @clause)
(class_declarations [(signature name: (_) @name) (function name: (_) @name)] @clause)
(instance_declarations [(function name: (_) @name) (bind name: (_) @name)] @clause)
(data_type name: (_) @name) @class
(newtype name: (_) @name) @class
(type_synonym name: (_) @name) @class
(type_family name: (_) @name) @class
(class name: (_) @name) @class
(instance name: (_) @name patterns: (_) @name) @class
"""

HASKELL_PREPROCESSOR = re.compile(
    rb"^#[ \t]*(?:if|ifdef|ifndef|elif|else|endif|define|undef|include|error|warning)\b.*"
    rb"|^import\b.*(?:\n[ \t]+\S.*)*",
    re.MULTILINE,
)
"""Directives, after whose `#else` the grammar sees nothing, and imports, which may follow definitions."""

ELIXIR = """
(comment) @comment
(call target: (identifier) @keyword (arguments . (alias) @name) (do_block) @body
  (#set! only "defmodule defprotocol defimpl")) @class
(call target: (identifier) @keyword
  (arguments . [(identifier) @name (call target: (_) @name) (binary_operator left: (identifier) @name)
                (binary_operator left: (call target: (_) @name))])
  (do_block)? @body
  (#set! only "def defp defmacro defmacrop defguard defguardp defdelegate")) @clause
(unary_operator operand: (call target: (identifier) @keyword (arguments
  (binary_operator left: [(identifier) @name (call target: (_) @name)]))
  (#set! only "type typep opaque"))) @class
(unary_operator operand: (call target: (identifier) @keyword
  (#set! only "spec impl deprecated"))) @attribute
(unary_operator operand: (call target: (identifier) @keyword (#set! only "doc typedoc"))) @comment
(unary_operator operand: (call target: (identifier) @keyword (#set! only "moduledoc"))) @docstring
"""

ZIG = """
(comment) @comment
(variable_declaration . (identifier) @name
  [(struct_declaration) (enum_declaration) (union_declaration) (opaque_declaration)] @body) @class
(function_declaration name: (_) @name) @function
(function_declaration name: (_) @name
  body: (block (expression_statement (return_expression (struct_declaration))))) @class
"""

GRAMMARS: dict[str, Grammar] = {
    "python": Grammar("tree_sitter_python", PYTHON),
    "javascript": Grammar(
        "tree_sitter_javascript",
        JAVASCRIPT + f"(field_definition property: (_) @name value: {FUNCTION}) @function",
    ),
    "typescript": Grammar("tree_sitter_typescript", TYPESCRIPT, "language_typescript"),
    "tsx": Grammar("tree_sitter_typescript", TYPESCRIPT, "language_tsx"),
    "go": Grammar("tree_sitter_go", GO),
    "rust": Grammar("tree_sitter_rust", RUST),
    "java": Grammar("tree_sitter_java", JAVA),
    "c": Grammar("tree_sitter_c", C, unseen=C_MACROS),
    "cpp": Grammar("tree_sitter_cpp", CPP, unseen=C_MACROS),
    "ruby": Grammar("tree_sitter_ruby", RUBY),
    "php": Grammar("tree_sitter_php", PHP, "language_php"),
    "csharp": Grammar("tree_sitter_c_sharp", CSHARP),
    "kotlin": Grammar("tree_sitter_kotlin", KOTLIN),
    "swift": Grammar("tree_sitter_swift", SWIFT),
    "scala": Grammar("tree_sitter_scala", SCALA),
    "bash": Grammar("tree_sitter_bash", BASH),
    "lua": Grammar("tree_sitter_lua", LUA),
    "haskell": Grammar("tree_sitter_haskell", HASKELL, unseen=HASKELL_PREPROCESSOR),
    "elixir": Grammar("tree_sitter_elixir", ELIXIR),
    "zig": Grammar("tree_sitter_zig", ZIG),
}
