# bash completion of flowctl: asks the binary, which knows its own tables.
_flowctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" __complete \
		"${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "$cur")
	[[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _flowctl flowctl
