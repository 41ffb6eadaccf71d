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
compdef _flowctl flowctl
