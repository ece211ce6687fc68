#!/usr/bin/env python3
"""The man page has the commands and options of the program, all of them and no others.

man_page_test.py QUANTDYN PAGE
"""
import re
import subprocess
import sys


def help_of(*command):
    return subprocess.run([sys.argv[1], *command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of(text, heading):
    """The long options below a heading of the program's help, each with the name of its value."""
    section = re.split(r"\n(?=\S)", text[text.index("\n" + heading) + 1:])[0]
    found = re.findall(r"^  (?:-\w \[ |-\w(?: \S+)?, (?!--help))?--([\w-]+)(?: \])?(?: ([A-Z=]+))?", section, re.MULTILINE)
    assert found, (heading, text)
    return {name: value for name, value in found}


def page_options(section):
    found = re.findall(r"^\.(?:B|BI|BR) (?:\\-\w \", \" )?\\-\\-(\S+)(?: \" (\S+)\")?$", section, re.MULTILINE)
    return {name.replace("\\-", "-"): value for name, value in found}


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        page = file.read()
    commands = re.findall(r"^  quantdyn ([a-z]+(?: [a-z]+)?) ", help_of(), re.MULTILINE)
    synopsis = page[page.index(".SH SYNOPSIS"):page.index(".SH DESCRIPTION")]
    found = re.findall(r"^\.B quantdyn ([a-z ]+)$", synopsis, re.MULTILINE)
    assert found == commands, (found, commands)
    body = page[page.index(".SH COMMANDS"):page.index(".SH OPTIONS OF ALL")]
    sections = {part.split("\n")[0]: part for part in body.split("\n.SS ")[1:]}
    assert list(sections) == commands, (list(sections), commands)
    for command, section in sections.items():
        expected = options_of(help_of(*command.split()), "options:")
        found = page_options(section)
        assert found == expected, (command, found, expected)
    general = page[page.index(".SH OPTIONS OF ALL"):page.index(".SH FILES")]
    assert page_options(general) == options_of(help_of(), "options of all commands:"), page_options(general)


if __name__ == "__main__":
    main()
