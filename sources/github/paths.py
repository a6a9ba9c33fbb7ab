"""What a path says of a file: whether it is somebody's own source text, and in which language it is written."""

from __future__ import annotations

import re

_VENDORED = frozenset(
    {
        "node_modules", "bower_components", "jspm_packages", "vendor", "_vendor", "vendored", "third_party",
        "third-party", "thirdparty", "3rdparty", "godeps", "pods", "carthage", "site-packages", "__pycache__",
        ".venv", "virtualenv", ".tox", ".eggs", ".yarn",
    }
)  # fmt: skip
_LOCKS = frozenset(
    {
        "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "packages.lock.json", "go.sum", "go.work.sum",
        "gopkg.lock", "bun.lockb", "deno.lock", ".terraform.lock.hcl", "gradle.lockfile", "project.assets.json",
    }
)  # fmt: skip
_LICENCE = re.compile(
    r"^(?:(?:un)?licen[cs]es?|copying|copyright|notice|patents)(?:[._-][\w.+-]*)?$|^(?:mit|bsd|apache|gpl)[_-]?licen[cs]e"
)
_PACKAGE = re.compile(r"^(?:pkg-info|.*\.egg-info|.*\.dist-info)$")
_MINIFIED = re.compile(r"[.-]min\.\w+$|\.(?:bundle|packed)\.(?:js|css)$|\.min\.\w+\.map$")

_MEDIA = {
    "picture": "ai bmp cdr cur dds dng eps exr fig gif hdr heic icns ico jfif jp2 jpeg jpg pcx pgm png pnm ppm psd raw "
    "sketch svg svgz tga tif tiff webp xbm xcf xd xpm",
    "sound_or_film": "3gp aac aif aiff avi flac flv m4a m4v mid midi mkv mod mov mp3 mp4 mpeg mpg oga ogg ogv opus swf "
    "wav webm wma wmv",
    "font": "afm bdf eot glif otf pfa pfb pfm psf snf ttc ttf woff woff2",
    "archive": "7z ace apk bz2 cab cpio crx deb dmg egg gem gz ipa iso jar lz lz4 lzma nar nupkg rar rpm tar tbz tgz "
    "txz vsix war whl xpi xz z zip zst",
    "compiled": "a beam bin class com dex dll dylib elc elf exe hi ko lib lo mo msi o obj odex out pdb pyc pyd pyo "
    "rlib so swiftmodule tlb uasset wasm winmd",
    "office": "doc docm docx dot dvi epub key mobi odg odp ods odt pages pdf pot pps ppt pptx ps rtf vsd vsdx xls xlsb "
    "xlsm xlsx",
    "data": "arrow avro bag bson ckpt csv dat db dbf dump fasta fits geojson gml gpx grib h5 hdf5 index jsonl kml las "
    "ldb log mat mdb model nc ndjson npy npz onnx orc p parquet pb pbf pcap pickle pkl ply pt pth rda rdata rds "
    "safetensors sav shp sqlite sqlite3 stl tfrecord tsv vcf vtk",
    "key": "asc cer crt der gpg jks keystore p12 pem pfx pub sig",
    "build_product": "map snap lock cache bak orig rej swp tmp",
}
_EXTENSION_KINDS = {extension: kind for kind, extensions in _MEDIA.items() for extension in extensions.split()}

_LANGUAGES = {
    "ABAP": "abap", "ActionScript": "as", "Ada": "ada adb ads", "Agda": "agda", "AppleScript": "applescript",
    "AsciiDoc": "adoc asciidoc", "Assembly": "asm nasm s", "Awk": "awk", "Batchfile": "bat cmd", "BibTeX": "bib",
    "C": "c h", "C#": "cs csx", "C++": "cc cpp cxx c++ hh hpp hxx h++ inl ipp tpp", "CMake": "cmake",
    "COBOL": "cbl cob", "CSS": "css", "CUDA": "cu cuh", "Clojure": "clj cljc cljs edn", "CoffeeScript": "coffee",
    "Common Lisp": "lisp lsp cl", "Coq": "v", "Crystal": "cr", "Cython": "pyx pxd pxi", "D": "d di", "Dart": "dart",
    "Dhall": "dhall", "Diff": "diff patch", "Dockerfile": "dockerfile", "Elixir": "ex exs", "Elm": "elm",
    "Emacs Lisp": "el", "Erlang": "erl hrl", "F#": "fs fsi fsx", "Forth": "4th forth fth",
    "Fortran": "f f03 f08 f77 f90 f95 for", "GLSL": "frag glsl vert", "Gettext": "po pot", "Go": "go",
    "GraphQL": "gql graphql", "Groovy": "gradle groovy gvy", "HCL": "hcl tf tfvars", "HLSL": "hlsl",
    "HTML": "htm html xhtml", "Haskell": "hs lhs", "Haxe": "hx", "INI": "cfg conf ini properties", "Idris": "idr",
    "JSON": "json json5 jsonc", "JSX": "jsx", "Java": "java", "JavaScript": "cjs es js mjs", "Julia": "jl",
    "Jupyter Notebook": "ipynb", "Kotlin": "kt kts", "Lean": "lean", "Less": "less", "Lua": "lua", "Makefile": "mak mk",
    "Markdown": "markdown md mdown mdx mkd", "Mathematica": "wl wls", "Metal": "metal", "Nim": "nim nims", "Nix": "nix",
    "OCaml": "ml mli mll mly", "Objective-C": "m", "Objective-C++": "mm", "OpenCL": "opencl", "Org": "org",
    "PHP": "inc php phtml", "PLSQL": "pls plsql", "Pascal": "dpr lpr pas", "Perl": "perl pl plx pm t",
    "PowerShell": "ps1 psd1 psm1", "Prolog": "pro prolog", "Protocol Buffer": "proto", "PureScript": "purs",
    "Python": "py pyi pyw", "QML": "qml", "R": "r rmd", "Racket": "rkt rktl scrbl", "Raku": "p6 raku rakumod",
    "Ruby": "erb gemspec rake rb ru", "Rust": "rs", "SCSS": "sass scss", "SQL": "ddl sql", "Scala": "sbt sc scala",
    "Scheme": "scm sls ss", "Shell": "bash command ksh sh zsh fish", "Smalltalk": "st", "Solidity": "sol",
    "Standard ML": "sig sml", "Starlark": "bazel bzl star", "Stylus": "styl", "Svelte": "svelte", "Swift": "swift",
    "SystemVerilog": "sv svh", "TOML": "toml", "Tcl": "tcl", "TeX": "cls dtx latex ltx sty tex", "Text": "txt text",
    "Thrift": "thrift", "TypeScript": "cts mts ts tsx", "VHDL": "vhd vhdl", "Vala": "vala", "Verilog": "vh",
    "Vim Script": "vim", "Visual Basic": "bas vb vba", "Vue": "vue", "WebAssembly": "wast wat", "WGSL": "wgsl",
    "XML": "plist wsdl xml xsd xsl xslt", "YAML": "yaml yml", "Zig": "zig", "reStructuredText": "rest rst",
}  # fmt: skip
_LANGUAGE_OF = {extension: name for name, extensions in _LANGUAGES.items() for extension in extensions.split()}
_NAMES = {
    "makefile": "Makefile", "gnumakefile": "Makefile", "dockerfile": "Dockerfile", "containerfile": "Dockerfile",
    "cmakelists.txt": "CMake", "rakefile": "Ruby", "gemfile": "Ruby", "vagrantfile": "Ruby", "brewfile": "Ruby",
    "podfile": "Ruby", "jenkinsfile": "Groovy", "build": "Starlark", "workspace": "Starlark", "sconstruct": "Python",
    "wscript": "Python", "justfile": "Just", "meson.build": "Meson", ".bashrc": "Shell", ".profile": "Shell",
    ".vimrc": "Vim Script", ".gitignore": "Ignore List", ".gitattributes": "Git Attributes", ".editorconfig": "INI",
    "readme": "Text", "authors": "Text", "changelog": "Text", "changes": "Text", "todo": "Text", "news": "Text",
}  # fmt: skip
_INTERPRETERS = {
    "python": "Python", "bash": "Shell", "sh": "Shell", "dash": "Shell", "zsh": "Shell", "node": "JavaScript",
    "perl": "Perl", "ruby": "Ruby", "php": "PHP", "awk": "Awk", "lua": "Lua", "rscript": "R", "tclsh": "Tcl",
}  # fmt: skip
_SHEBANG = re.compile(r"#![ \t]*(?:\S{0,100}/)?(?:env[ \t]+(?:-S[ \t]+)?)?(?:\S{0,100}/)?([A-Za-z]+)[\d.]*(?:\s|$)")


def skipped_kind(path: str) -> str:
    """Why a file is left out by its path alone, or "" where it is not.

    The Pile left out what had `.git`, `LICENSE`, `node_modules` or `.min.` anywhere in its path, and 47 extensions,
    among them Racket's and Gradle's; here a whole path component counts, and extensions are media and data only.
    """
    *folders, name = path.lower().split("/")
    if ".git" in folders:
        return "git_folder"
    if any(folder in _VENDORED for folder in folders):
        return "vendored"
    if any(_PACKAGE.match(part) for part in (*folders, name)):
        return "package_metadata"
    extension = name.rpartition(".")[2] if "." in name else ""
    if is_licence(path) or "licenses" in folders:
        return "licence_file"
    if name in _LOCKS or name.endswith((".lock", "-lock.json", "-lock.yaml")):
        return "lock_file"
    if _MINIFIED.search(name):
        return "minified"
    return _EXTENSION_KINDS.get(extension, "")


def is_licence(path: str) -> bool:
    """Whether a file holds a licence, by its name: `LICENSE`, `COPYING.LESSER`, `LICENSE-MIT`, but not `license.py`."""
    name = path.rpartition("/")[2].lower()
    extension = name.rpartition(".")[2]
    is_prose = _LANGUAGE_OF.get(extension, "Text") in ("Text", "Markdown", "reStructuredText")
    return bool(_LICENCE.match(name)) and is_prose


def programming_language(path: str, text: str = "") -> str:
    """Language of a file by its name or extension, else by its first line's interpreter, else ""."""
    name = path.rpartition("/")[2].lower()
    if name in _NAMES:
        return _NAMES[name]
    extension = name.rpartition(".")[2] if "." in name.lstrip(".") else ""
    if extension in _LANGUAGE_OF:
        return _LANGUAGE_OF[extension]
    if extension.startswith("dockerfile") or name.startswith("dockerfile."):
        return "Dockerfile"
    shebang = _SHEBANG.match(text)
    return _INTERPRETERS.get(shebang[1].lower(), "") if shebang else ""
