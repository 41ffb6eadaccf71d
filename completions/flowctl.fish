# fish completion of flowctl: asks the binary, which knows its own tables.
function __flowctl_complete
	set -l words (commandline -opc)
	set -l candidates ($words[1] __complete $words[2..-1] 2>/dev/null)
	if test (count $candidates) -gt 0
		printf '%s\n' $candidates
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c flowctl -f -a '(__flowctl_complete)'
