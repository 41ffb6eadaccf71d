# fish completion of flowctl: asks the binary, which knows its own tables.
function __flowctl_complete
	set -l words (commandline -opc)
	$words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c flowctl -a '(__flowctl_complete)'
