"""`redistimer completion`: scripts that make a shell ask the command itself what comes next on its line."""

from collections.abc import Sequence

from controller.cli.flags import new_parser

_DESCRIPTION = """\
Print a script that makes a shell complete commands, flags, and the names of RedisTimers, namespaces and contexts.

kubectl completes the plugin (kubectl redistimer ...) by itself where its own completion is set up: it asks the program
kubectl_complete-redistimer, which is installed together with redistimer and has to be on the PATH, too."""

_EXAMPLES = """\
to install it:
  bash   echo 'source <(redistimer completion bash)' >> ~/.bashrc
  zsh    echo 'source <(redistimer completion zsh)' >> ~/.zshrc     (below the line with compinit)
  fish   redistimer completion fish > ~/.config/fish/completions/redistimer.fish"""

_BASH = r"""# Completion of redistimer in bash. To install it, put this into ~/.bashrc:
#   source <(redistimer completion bash)
_redistimer() {
    local line word inside last kept
    local -a words=()
    # bash makes words of their own of colons and what comes after them, which times and names of contexts have inside.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        last=$((${#words[@]} - 1))
        if [[ $last -ge 0 && ( $word == :* || $inside == colon ) ]]; then
            words[last]+=$word
            kept=${words[last]%"${words[last]##*:}"}
        else
            words+=("$word")
            kept=
        fi
        [[ $word == :* ]] && inside=colon || inside=
    done
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :0) compopt -o default 2>/dev/null ;;
            :*) compopt +o default 2>/dev/null ;;
            *)
                line=${line%%$'\t'*}
                COMPREPLY+=("${line#"$kept"}")
                ;;
        esac
    done < <(redistimer __complete "${words[@]}" 2>/dev/null)
}
complete -F _redistimer redistimer
"""

_ZSH = r"""#compdef redistimer
# Completion of redistimer in zsh. To install it, put this into ~/.zshrc, below the line with compinit:
#   source <(redistimer completion zsh)
_redistimer() {
    local line
    local -a values
    for line in "${(@f)$(redistimer __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :0) _files; return ;;
            :*) ;;
            *$'\t'*) values+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) values+=("${line//:/\\:}") ;;
        esac
    done
    _describe redistimer values
}
if [[ $funcstack[1] == _redistimer ]]; then
    _redistimer "$@"
else
    compdef _redistimer redistimer
fi
"""

_FISH = r"""# Completion of redistimer in fish. To install it:
#   redistimer completion fish > ~/.config/fish/completions/redistimer.fish
function __redistimer_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lines (redistimer __complete $words[2..] "$word" 2>/dev/null)
    if test "$lines[-1]" = ":0"
        __fish_complete_path "$word"
    else
        string match -v ':*' -- $lines
    end
end
complete -c redistimer -f -a '(__redistimer_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run_completion(arguments: Sequence[str]) -> int:
    """Print the script for a shell; the exit code."""
    parser = new_parser("completion", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("shell", choices=tuple(_SCRIPTS), help="the shell that it is for")
    print(_SCRIPTS[parser.parse_args(arguments).shell], end="")
    return 0
