#compdef flowctl
# zsh completion of flowctl: asks the binary, which knows its own tables.
_flowctl()
{
	local -a candidates
	candidates=(${(f)"$(${words[1]} __complete ${words[2,CURRENT-1]} 2>/dev/null)"})
	if (( ${#candidates} )); then
		compadd -a candidates
	else
		_files
	fi
}
# Autoloaded, this file is the function's first call; sourced, it only defines it.
if [[ ${funcstack[1]} == _flowctl ]]; then
	_flowctl "$@"
else
	compdef _flowctl flowctl
fi
